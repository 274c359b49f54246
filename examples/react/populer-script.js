"use client";
// The script that counts the open article. It follows a router by itself, and takes the article's id from its tag.
import { createElement, useEffect } from "react";

/** @type {typeof import("./populer.d.ts").PopulerScript} */
export const PopulerScript = ({ service, item = "", site, token }) => {
  const src = `${service.replace(/\/$/, "")}/populer.js`;
  useEffect(() => {
    /** @type {HTMLScriptElement | null} */
    const script = document.querySelector(`script[src="${CSS.escape(src)}"]`);
    if (script) script.dataset.item = item;
  }, [item, src]);
  return createElement("script", { async: true, src, "data-item": item, "data-site": site, "data-token": token });
};
