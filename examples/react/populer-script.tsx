"use client";
// The script that counts the open article. It counts the first one by itself, and those that a router opens after it are
// told to it here.
import { useEffect, type JSX } from "react";

declare global {
  interface Window {
    populer?: { record(event: { item: string; kind?: string }): void };
  }
}

let opened: string | undefined;

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
    if (script) script.dataset.item = item; // the lists leave this one out
    if (opened !== undefined && item && item !== opened) window.populer?.record({ item });
    opened = item;
  }, [item, src]);
  return <script async src={src} data-item={item} data-site={site} data-token={token} />;
}
