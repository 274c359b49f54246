// Where one is: a room, a page of it, and what the page shows. All of it is in the address, so that it can be sent on.

import { $, h, put, show } from "./dom.js";
import { t } from "./language.js";

/** The pages of each room that are named above; `item` is reached from the others. */
const ROOMS = { desk: ["lists", "today", "ranges"], service: ["settings", "state"] };
const OTHER = { item: "desk" };

/** What the address says after its `#`. */
export const parameters = () => new URLSearchParams(location.hash.slice(1));

const roomOf = (page) => OTHER[page] ?? Object.keys(ROOMS).find((room) => ROOMS[room].includes(page));

export class Places {
  /** `changed` is called with the page whenever it is another one, or shows something else. */
  constructor(changed) {
    this.changed = changed;
    this.rooms = [];
    addEventListener("hashchange", () => this.rooms.length && this.enter());
  }

  /** Open the rooms that a key of this grade may enter. */
  open(grade) {
    this.rooms = grade === "admin" ? ["desk", "service"] : ["desk"];
    this.enter();
  }

  get page() {
    const page = parameters().get("page");
    return this.rooms.includes(roomOf(page)) ? page : "lists";
  }

  /** Say in the address what is shown: `about` in place of what it said of the same names; "" takes a name away. */
  note(about) {
    const wanted = parameters();
    for (const [name, value] of Object.entries(about)) value ? wanted.set(name, value) : wanted.delete(name);
    history.replaceState(null, "", `#${wanted}`);
  }

  /** Go to a page; what stood in the address stays but for the list and section that are looked at. */
  go(page, about = {}) {
    const wanted = new URLSearchParams({ page });
    for (const name of ["list", "section"]) if (parameters().get(name)) wanted.set(name, parameters().get(name));
    for (const [name, value] of Object.entries(about)) if (value) wanted.set(name, value);
    location.hash = wanted;
  }

  enter() {
    const { page } = this;
    const room = roomOf(page);
    const link = (name, target, isCurrent) =>
      h(
        "a",
        {
          href: `#page=${target}`,
          "data-key": `go ${target} ${name}`,
          "aria-current": isCurrent ? "page" : null,
          onclick: (event) => {
            event.preventDefault();
            this.go(target);
          },
        },
        t(name),
      );
    put(
      $("rooms"),
      this.rooms.map((each) => link(`room.${each}`, ROOMS[each][0], each === room)),
    );
    show($("rooms"), this.rooms.length > 1);
    put(
      $("pages"),
      ROOMS[room].map((each) => link(`page.${each}`, each, each === page)),
    );
    show($("pages"));
    for (const each of document.querySelectorAll("[data-pages]"))
      show(each, each.dataset.pages.split(" ").includes(page));
    document.body.dataset.page = page;
    this.changed(page);
  }

  leave() {
    this.rooms = [];
    show($("rooms"), false);
    show($("pages"), false);
  }
}
