// Settings that were tried and have come into effect: since when, under which version, and the list before and after.

import { $, h, put, show } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./language.js";
import { moved, row } from "./live.js";

export class Effect {
  constructor(context) {
    this.context = context;
    this.timer = null;
  }

  forget() {
    clearInterval(this.timer);
    show($("effect"), false);
  }

  /** The file has what was tried: say so, and show both lists once the first one of the new settings is there. */
  came(list) {
    const { config } = this.context.state;
    const before = { version: this.context.live.stamp?.version, items: this.context.live.items };
    clearInterval(this.timer);
    this.draw(list, config, before.items, null);
    show($("effect"));
    const wait = () => {
      const { live } = this.context;
      if (live.stamp?.version !== config.version) return;
      clearInterval(this.timer);
      const then = before.version === config.version ? (live.before?.items ?? []) : before.items;
      this.draw(list, config, then, live.items);
    };
    this.timer = setInterval(wait, 500);
    wait();
  }

  draw(list, config, before, after) {
    const { zone, open } = this.context;
    const ranks = new Map(before.map((each) => [each.id, each.rank]));
    const shown = (items, key) =>
      items.slice(0, list.size).map((entry) =>
        row(entry, {
          key,
          open,
          move: key === "after" ? moved(ranks.get(entry.id), entry.rank, { since: t("since.before") }) : h("span", {}),
        }),
      );
    const ranking = (key, items) => [
      h("h3", { id: `effect-${key}` }, t(`effect.${key}`)),
      items
        ? h("ol", { class: "ranking", "aria-labelledby": `effect-${key}` }, shown(items, key))
        : h("p", { class: "empty" }, t("effect.waiting")),
    ];
    put(
      $("effect"),
      h(
        "p",
        { class: "words" },
        t("effect.since", { moment: clock(config.loaded_at, zone, "moment"), version: config.version }),
      ),
      h("div", { class: "pair" }, h("div", {}, ranking("before", before)), h("div", {}, ranking("after", after))),
      h("button", { type: "button", class: "quiet", onclick: () => this.forget() }, t("close")),
    );
  }
}
