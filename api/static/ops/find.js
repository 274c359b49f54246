// Searching articles by words of their title or address, section and author: nobody has to know an id.

import { ask } from "./api.js";
import { $, h, picture, put } from "./dom.js";
import { clock } from "./format.js";
import { named, t } from "./language.js";

const MOST = 20;

export class Find {
  constructor(context) {
    this.context = context;
    $("find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.search();
    });
  }

  async search() {
    const { site, list } = this.context;
    const query = {
      q: $("find-words").value.trim(),
      section: $("find-section").value.trim(),
      author: $("find-author").value.trim(),
      sort: "newest",
      limit: String(MOST),
      pin: list.name,
    };
    const button = $("find").querySelector("button");
    button.disabled = true;
    $("find-says").textContent = t("find.asked");
    try {
      const { items } = await ask("v1/items", { site, query });
      this.context.catalogue.take(items);
      $("find-says").textContent = items.length
        ? t(items.length === MOST ? "find.newest" : "find.found", { n: items.length })
        : t("find.none");
      put(
        $("finds"),
        items.map((each) => this.line(each)),
      );
    } catch (error) {
      $("find-says").textContent = error.message;
      if (error.isKeyRefused) this.context.failed(error);
    } finally {
      button.disabled = false;
    }
  }

  line(item) {
    const { zone, drag } = this.context;
    const title = item.title || item.id;
    const moment = item.published_at ?? item.first_seen;
    return h(
      "li",
      { "data-item": item.id },
      picture(item),
      h(
        "div",
        { class: "what" },
        h(
          "button",
          {
            type: "button",
            class: "title",
            dir: "auto",
            "data-key": `find ${item.id}`,
            onclick: () => this.context.open(item),
          },
          title,
        ),
        h(
          "p",
          { class: "meta" },
          item.section && h("span", { class: "section" }, item.section),
          item.author && h("span", {}, item.author),
          moment && h("span", {}, clock(moment, zone, "moment")),
          item.pin_refused && h("span", { class: "badge bad" }, named("state", item.pin_refused)),
        ),
      ),
      drag.handle(item, item.pin_refused),
    );
  }
}
