"use client";
// The script that counts the open article. It follows a router by itself, and takes the article's id from its tag.
import { useEffect, type JSX } from "react";

export interface PopulerScriptProps {
  service: string;
  /** The open article's id; without one the page is no article. */
  item?: string;
  site?: string;
  /** What `pageToken` of populer-token.mjs gave on the server. */
  token?: string;
}

export function PopulerScript({ service, item = "", site, token }: PopulerScriptProps): JSX.Element {
  const src = `${service.replace(/\/$/, "")}/populer.js`;
  useEffect(() => {
    const script = document.querySelector<HTMLScriptElement>(`script[src="${CSS.escape(src)}"]`);
    if (script) script.dataset.item = item;
  }, [item, src]);
  return <script async src={src} data-item={item} data-site={site} data-token={token} />;
}
