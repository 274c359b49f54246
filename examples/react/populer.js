// Populer in React 19, such as Next.js: <PopulerScript> in every page or the layout, <PopulerList> where a list is wanted.
import { createElement } from "react";

export { PopulerScript } from "./populer-script.js";

const PATIENCE_MS = 1000;
const FRESH_S = 30;

// A list as the service renders it; empty where the service is away. Next.js keeps the answer for half a minute, and goes
// on with the last one where the next cannot be had.
/** @param {import("./populer.d.ts").PopulerListProps} props */
const fragment = async ({ service, list = "populer", limit = 7, section, site, item }) => {
  const asked = new URLSearchParams({ format: "html", limit: String(limit) });
  for (const [name, value] of Object.entries({ section, site, exclude: item })) {
    if (value) asked.set(name, value);
  }
  try {
    const address = `${service.replace(/\/$/, "")}/v1/lists/${encodeURIComponent(list)}?${asked}`;
    const kept = { signal: AbortSignal.timeout(PATIENCE_MS), next: { revalidate: FRESH_S } };
    const answer = await fetch(address, kept);
    const isList = answer.ok && answer.headers.get("content-type")?.startsWith("text/html");
    return isList ? await answer.text() : "";
  } catch {
    return "";
  }
};

/** @type {typeof import("./populer.d.ts").PopulerList} */
export const PopulerList = async (props) => {
  const { list = "populer", limit = 7, section, site, theme, heading, live } = props;
  return createElement("populer-list", {
    ...{ list, limit, section, site, theme, heading },
    live: live ? "" : undefined,
    suppressHydrationWarning: true,
    dangerouslySetInnerHTML: { __html: await fragment(props) },
  });
};
