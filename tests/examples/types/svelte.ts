import type { SvelteHTMLElements } from "svelte/elements";

type Props = SvelteHTMLElements["populer-list"];
export const right: Props[] = [{}, { list: "trending", limit: 5, theme: "thumbs", "more-label": "Semua" }];
// @ts-expect-error: not a number
export const wrong: Props = { limit: "x" };
