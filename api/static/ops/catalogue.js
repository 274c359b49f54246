// What is known of items by their ids: title, picture, address. Asked for once per item, many at a time.

import { ask } from "./api.js";

const MOST = 100;

export class Catalogue {
  constructor(context) {
    this.context = context;
    this.clear();
  }

  clear() {
    this.known = new Map();
  }

  take(items) {
    for (const each of items) this.known.set(each.id, each);
  }

  /** Ask for these items where they are not known yet. Lines go on with their ids where it fails. */
  async learn(ids) {
    const wanted = [...new Set(ids)].filter((id) => id && !this.known.has(id)).slice(0, MOST);
    if (!wanted.length) return;
    const found = await ask("v1/items", { site: this.context.site, query: { id: wanted } });
    for (const id of wanted) this.known.set(id, { id, title: "" });
    this.take(found.items);
  }

  of(id) {
    return this.known.get(id) ?? { id, title: "" };
  }

  title(id) {
    return this.of(id).title || id;
  }

  /** An item with the reason for which it cannot be pinned in a list (`pin_refused`); null where nothing describes it. */
  async pinnable(id, list) {
    const found = await ask("v1/items", { site: this.context.site, query: { id, pin: list } });
    return found.items[0] ?? null;
  }
}
