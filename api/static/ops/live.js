// The ranking that readers see, and the rows that both rankings are made of.

import { ask } from "./api.js";
import { $, h, put, show } from "./dom.js";
import { sparkline } from "./draw.js";
import { concentration, greatest } from "./concentration.js";
import { ago, compact, number, score, seconds, span } from "./format.js";
import { t } from "./language.js";

const VIEWS_FOR_MS = 30_000;
const MOST_ITEMS = 100;
const HOURS = 6;

/** Recent views by item, asked for when an item is new or what is known is old. */
class Views {
  constructor() {
    this.clear();
  }

  clear() {
    this.known = {};
    this.step = 300;
    this.at = 0;
    this.notBefore = 0;
    this.asking = false;
  }

  of(item) {
    return sparkline(this.known[item], this.step);
  }

  /** Ask for the views of these items, unless they are known or an answer is on its way; whether any came. */
  async learn(site, items) {
    const now = Date.now();
    const fresh = now - this.at < VIEWS_FOR_MS;
    if (this.asking || now < this.notBefore || (fresh && items.every((item) => item in this.known))) return false;
    this.asking = true;
    try {
      const wanted = [...new Set(fresh ? [...Object.keys(this.known), ...items] : items)].slice(-MOST_ITEMS);
      const body = { items: wanted, hours: HOURS };
      const found = await ask("v1/ops/views", { site, method: "POST", body });
      this.known = { ...(fresh ? this.known : {}), ...found.views };
      this.step = found.step_s;
      this.at = now;
      return true;
    } catch (error) {
      this.notBefore = now + VIEWS_FOR_MS; // lists go on without their lines
      throw error;
    } finally {
      this.asking = false;
    }
  }
}

export const views = new Views();

/** How far an item has risen: ▲2, ▼1, new, or a dash. */
export function moved(before, rank, { isNew = false, since }) {
  const none = before === null || before === undefined;
  const by = none ? 0 : before - rank;
  if (isNew || none) return h("span", { class: "move new" }, t("move.new"), h("span", { class: "unseen" }, since));
  if (!by)
    return h(
      "span",
      { class: "move" },
      h("span", { "aria-hidden": "true" }, "–"),
      h("span", { class: "unseen" }, t("move.same", { since })),
    );
  const [mark, style] = by > 0 ? ["▲", "up"] : ["▼", "down"];
  return h(
    "span",
    { class: `move ${style}` },
    h("span", { "aria-hidden": "true" }, `${mark}${Math.abs(by)}`),
    h("span", { class: "unseen" }, t(`move.${style}`, { n: Math.abs(by), since })),
  );
}

/** A place of a ranking. */
export function row(entry, { move, key, cut, open, notes = [], handle = null }) {
  const about = [
    entry.section && h("span", { class: "section" }, entry.section),
    h(
      "span",
      { title: t("views.kept", { n: entry.views }) },
      t("views", { n: entry.views, count: compact(entry.views) }),
    ),
    entry.score === null ? null : h("span", {}, t("score", { score: score(entry.score) })),
    entry.times_usual ? h("span", {}, t("usual", { times: score(entry.times_usual) })) : null,
    entry.source === "pinned" && h("span", { class: "badge" }, t("pinned")),
    entry.source === "fill" && h("span", { class: "badge dim" }, t("fill")),
    ...notes.map((note) => (typeof note === "string" ? h("span", { class: "badge" }, note) : note)),
  ];
  return h(
    "li",
    { class: cut ? "cut" : "", "data-item": entry.id, "data-rank": entry.rank, "data-cut": cut ? t("cut") : null },
    h("span", { class: "rank" }, number(entry.rank)),
    move,
    h(
      "div",
      { class: "what" },
      h(
        "button",
        { type: "button", class: "title", dir: "auto", "data-key": `${key} ${entry.id}`, onclick: () => open(entry) },
        entry.title || entry.id,
      ),
      h("p", { class: "meta" }, about),
    ),
    views.of(entry.id),
    handle,
  );
}

/** What editors' boosts say of an item in this list. */
const boosted = (context, id) => {
  const boost = context.boosts.find((each) => each.item === id);
  return boost ? [t("boosted", { factor: boost.factor })] : [];
};

/** That one network or one user agent sent too much of an item, with the way to do something about it. */
const concentrated = (context, entry) => {
  const found = context.concentrated.find((each) => each.item === entry.id);
  if (!found) return [];
  return [
    h("span", { class: "badge bad", title: concentration(found) }, greatest(found)),
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-key": `void ${entry.id}`,
        "aria-label": t("void.of", { title: entry.title || entry.id }),
        onclick: () => context.open(entry, "void"),
      },
      t("void.open"),
    ),
  ];
};

export class Live {
  constructor(context) {
    this.context = context;
    this.items = [];
    this.drawn = "";
    this.stamp = null;
    this.held = false; // while an item is dragged over it, it stays as it is
    this.before = null;
  }

  /** How many places are looked at: those that readers see, and as many that wait behind them. */
  get limit() {
    return Math.min(40, Math.max(2 * this.context.list.size, this.context.list.size + 3));
  }

  clear() {
    this.items = [];
    this.drawn = "";
    this.stamp = null;
    this.before = null;
    put($("live"));
    show($("live-empty"), false);
    $("age").textContent = "";
  }

  async refresh() {
    const { site, list, section } = this.context;
    try {
      const found = await ask(`v1/lists/${list.name}`, { site, query: { section, limit: this.limit } });
      if (list.name !== this.context.list.name || section !== this.context.section || site !== this.context.site)
        return false;
      if (this.stamp && this.stamp.version !== found.config_version)
        this.before = { version: this.stamp.version, items: this.items };
      this.items = found.items;
      this.context.catalogue.take(found.items.filter((each) => !this.context.catalogue.known.has(each.id)));
      this.stamp = {
        at: Date.now() - 1000 * found.age_s,
        stale: found.stale,
        version: found.config_version,
        generation: found.generation,
      };
      this.empty(found.items.length ? "" : t("live.nothing"));
    } catch (error) {
      if (error.status === 0 || error.status === 401) throw error;
      this.items = [];
      this.stamp = null;
      this.empty(error.message);
    }
    this.tick();
    return this.draw();
  }

  empty(text) {
    $("live-empty").textContent = text;
    show($("live-empty"), text !== "");
  }

  /** Draw what has changed; whether anything had. */
  draw(again = false) {
    const { list } = this.context;
    if (this.held) return false;
    const drawn = JSON.stringify([this.items, this.context.boosts, this.context.concentrated, list.name]);
    if (drawn === this.drawn && !again) return false;
    const other = drawn !== this.drawn;
    this.drawn = drawn;
    const since = list.settings ? t("since.span", { span: span(seconds(list.settings.movement)) }) : t("since.before");
    put(
      $("live"),
      this.items.map((entry, at) =>
        row(entry, {
          key: "live",
          cut: at === list.size,
          open: this.context.open,
          handle: this.context.drag.handle(entry),
          notes: [...boosted(this.context, entry.id), ...concentrated(this.context, entry)],
          move:
            entry.score === null
              ? h("span", { class: "move" })
              : moved(entry.previous_rank, entry.rank, { isNew: entry.is_new, since }),
        }),
      ),
    );
    return other;
  }

  /** Say how old it is. */
  tick() {
    const age = $("age");
    if (!this.stamp) {
      age.textContent = t("ranked.never");
      return;
    }
    const age_s = (Date.now() - this.stamp.at) / 1000;
    age.textContent = t("ranked", { ago: ago(age_s) }) + (this.stamp.stale ? ` – ${t("stale")}` : "");
    age.title = t("generation", { generation: this.stamp.generation });
    age.classList.toggle("bad", this.stamp.stale);
  }
}
