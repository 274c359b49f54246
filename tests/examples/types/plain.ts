const list = document.createElement("populer-list");
list.limit = 5;
list.theme = "thumbs";
list.moreLabel = "Semua";
list.live = true;
list.section = null;
const text: string | null = list.limit;
list.addEventListener("populer", (event) => event.detail.items.map(({ title }) => title.trim()));
window.populer?.record({ item: "berita-1", kind: "click" });
// @ts-expect-error: no such theme
list.theme = "besar";
// @ts-expect-error: not a number
list.limit = "x";
// @ts-expect-error: an event has no such field
window.populer?.record({ items: ["berita-1"] });
export { text };
