// Giving an item a place by hand: its handle is dragged to a row of the live list, or moved with the arrow keys. Where it
// would stand is shown and said before it is made; what cannot be pinned is not picked up.

import { $, h, tell } from "./dom.js";
import { t } from "./language.js";

export class Drag {
  constructor(context) {
    this.context = context;
    this.held = null;
  }

  /** The handle of an item; `refused`: why it cannot be pinned, if so. */
  handle(item, refused = null) {
    const title = item.title || item.id;
    const handle = h(
      "button",
      {
        type: "button",
        class: "handle",
        "data-key": `handle ${item.id}`,
        "aria-label": t("drag.handle", { title }),
        title: t("drag.hint"),
        "aria-disabled": refused ? "true" : null,
        onpointerdown: (event) => this.begin(event, item, refused),
        onkeydown: (event) => this.key(event, item, refused),
        onblur: () => this.held?.byKey && this.drop(),
      },
      "⠿",
    );
    return handle;
  }

  get rows() {
    return [...$("live").children].slice(0, this.context.list.depth);
  }

  refuse(refused) {
    tell(t(`refused.${refused}`, { depth: this.context.list.depth }));
  }

  hold(item, place, byKey) {
    this.held = { item, place, byKey };
    this.context.live.held = true;
    this.mark();
  }

  /** Show where it would stand, and say so. */
  mark() {
    for (const row of this.rows) row.classList.toggle("target", Number(row.dataset.rank) === this.held?.place);
    if (this.held)
      $("drag-says").textContent = this.held.place
        ? t("drag.at", { n: this.held.place, title: this.held.item.title || this.held.item.id })
        : t("drag.nowhere");
  }

  drop() {
    const held = this.held;
    this.held = null;
    this.context.live.held = false;
    this.mark();
    $("drag-says").textContent = t("drag.about");
    return held;
  }

  begin(event, item, refused) {
    if (event.button) return;
    event.preventDefault();
    const handle = event.currentTarget;
    handle.focus();
    if (refused) return this.refuse(refused);
    this.hold(item, 0, false);
    handle.setPointerCapture(event.pointerId);
    const move = ({ clientX, clientY }) => {
      const row = document.elementFromPoint(clientX, clientY)?.closest("#live li");
      this.held.place = row && this.rows.includes(row) ? Number(row.dataset.rank) : 0;
      this.mark();
    };
    const end = ({ type }) => {
      handle.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) handle.removeEventListener(name, end);
      const held = this.drop();
      if (type === "pointerup" && held.place) this.pin(held, handle);
    };
    handle.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) handle.addEventListener(name, end);
  }

  key(event, item, refused) {
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (way) {
      event.preventDefault();
      if (refused) return this.refuse(refused);
      const own = this.rows.findIndex((row) => row.dataset.item === item.id) + 1;
      const from = this.held?.place ?? (own || (way > 0 ? 0 : this.rows.length + 1));
      this.hold(item, Math.min(Math.max(1, from + way), Math.max(1, this.rows.length)), true);
    } else if (this.held && event.key === "Escape") {
      this.drop();
    } else if (this.held && event.key === "Enter") {
      event.preventDefault();
      this.pin(this.drop(), event.currentTarget);
    }
  }

  /** A row that is pinned already, and dropped where it stands, stays so. */
  pin({ item, place }, button) {
    const { list, section, desk } = this.context;
    desk.change(button, {
      method: "PUT",
      path: `v1/lists/${list.name}/pins/${encodeURIComponent(item.id)}`,
      body: { position: place, section: section || null },
      says: t("pinned.at", { n: place }),
    });
  }
}
