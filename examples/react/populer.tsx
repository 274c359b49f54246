// Populer in React 19, such as Next.js: <PopulerScript> in every page or the layout, <PopulerList> where a list is wanted.
import type { JSX, Ref } from "react";
import { PopulerScript } from "./populer-script";

export { PopulerScript };

export type PopulerListProps = {
  /** The service, such as https://populer.example */
  service: string;
  list?: string;
  limit?: number;
  section?: string;
  site?: string;
  theme?: "plain" | "numbered" | "thumbs" | "compact";
  heading?: string;
  live?: boolean;
  /** The open article, which is left out. */
  item?: string;
};

const PATIENCE_MS = 1000;
const FRESH_S = 30;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "populer-list": React.HTMLAttributes<HTMLElement> & {
        ref?: Ref<HTMLElement>;
        list: string;
        limit: number;
        section?: string;
        site?: string;
        theme?: string;
        heading?: string;
        live?: "";
      };
    }
  }
}

// A list as the service renders it; empty where the service is away. Next.js keeps the answer for half a minute, and goes
// on with the last one where the next cannot be had.
async function fragment({ service, list = "populer", limit = 7, section, site, item }: PopulerListProps): Promise<string> {
  const asked = new URLSearchParams({ format: "html", limit: String(limit) });
  for (const [name, value] of Object.entries({ section, site, exclude: item })) {
    if (value) asked.set(name, value);
  }
  try {
    const address = `${service.replace(/\/$/, "")}/v1/lists/${encodeURIComponent(list)}?${asked}`;
    const answer = await fetch(address, {
      signal: AbortSignal.timeout(PATIENCE_MS),
      next: { revalidate: FRESH_S },
    } as RequestInit);
    const isList = answer.ok && answer.headers.get("content-type")?.startsWith("text/html");
    return isList ? await answer.text() : "";
  } catch {
    return "";
  }
}

/** A server component. React leaves what is inside the element alone: from the first load on it is the script's. */
export async function PopulerList(props: PopulerListProps): Promise<JSX.Element> {
  const { list = "populer", limit = 7, section, site, theme, heading, live } = props;
  return (
    <populer-list
      list={list}
      limit={limit}
      section={section}
      site={site}
      theme={theme}
      heading={heading}
      live={live ? "" : undefined}
      suppressHydrationWarning
      dangerouslySetInnerHTML={{ __html: await fragment(props) }}
    />
  );
}
