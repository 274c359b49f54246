import Link from "next/link";
import { PopulerList, PopulerScript } from "populer-react";

export const dynamic = "force-dynamic";

export default async function Article({ params }) {
  const { article } = await params;
  const service = process.env.POPULER_URL;
  return (
    <main>
      <h1>{article}</h1>
      <PopulerScript service={service} item={article} />
      <Link href={article === "bola" ? "/tekno" : "/bola"}>next</Link>
      <PopulerList service={service} site={article} limit={article === "bola" ? 2 : 3} />
    </main>
  );
}
