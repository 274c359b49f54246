"use client";
// The script that counts the open article. It follows a router by itself, and takes the article's id from its tag.
import { useEffect, type JSX } from "react";

/** `item` is the open article's id; without one the page is no article. */
export function PopulerScript({ service, item = "", site }: { service: string; item?: string; site?: string }): JSX.Element {
  const src = `${service.replace(/\/$/, "")}/populer.js`;
  useEffect(() => {
    const script = document.querySelector<HTMLScriptElement>(`script[src="${CSS.escape(src)}"]`);
    if (script) script.dataset.item = item;
  }, [item, src]);
  return <script async src={src} data-item={item} data-site={site} />;
}
