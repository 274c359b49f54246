// One item: why it is at its rank, in numbers that add up, and what an editor can say of it.

import { ask } from "./api.js";
import { $, h, put } from "./dom.js";
import { sparkline } from "./draw.js";
import { adding, clock, number, plural, score, span } from "./words.js";

const REASONS = {
  robot: "by robots", prefetch: "fetched ahead", fetch: "opened as an address", limited: "over a limit",
  new_item: "on an unknown item", gpc: "by readers who object", duplicate: "repeats",
};

export class Item {
  constructor(context) {
    this.context = context;
    this.dialog = $("item");
    $("item-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => {
      this.id = null; // who had the keyboard gets it back, also where the list was drawn anew meanwhile
      if (this.from) document.querySelector(`#desk [data-key="${CSS.escape(this.from)}"]`)?.focus({ preventScroll: true });
    });
  }

  async open({ id, title }) {
    const { site, list, section } = this.context;
    this.id = id;
    if (!this.dialog.open) this.from = document.activeElement?.dataset.key;
    $("item-title").textContent = title || id;
    put($("item-body"), h("p", { class: "soft" }, "Asking why…"), this.say(id, list));
    if (!this.dialog.open) this.dialog.showModal();
    let why;
    try {
      const found = await ask(`v1/items/${encodeURIComponent(id)}/explain`, { site, query: { list: list.name, section } });
      if (this.id === id) $("item-title").textContent = found.title;
      why = this.explained(found);
    } catch (error) {
      why = [h("p", { class: error.status === 404 ? "soft" : "fault" }, error.message)];
    }
    if (this.id === id) $("item-body").firstChild.replaceWith(h("div", { class: "why" }, why));
  }

  explained(found) {
    const { list, zone, live } = this.context;
    const parts = [h("p", { class: "words" }, this.sentence(found))];
    if (found.channels.length) parts.push(this.sum(found));
    const views = found.channels.find((each) => each.kind === "view" && !each.source);
    const line = views && this.line(views.buckets, found.at);
    if (line) parts.push(h("p", { class: "lately" }, h("span", {}, "Views of the last 6 h"), line));
    const left = Object.entries(found.left_out).map(([reason, count]) => `${number(count)} ${REASONS[reason] ?? reason}`);
    if (left.length) parts.push(h("p", { class: "soft" }, `Left out of late, and not counted: ${left.join(", ")}.`));
    const beside = [["above", found.above, "more"], ["below", found.below, "less"]].filter(([, each]) => each && list.kind !== "latest")
      .map(([, each, word]) => `${live.title(each.item)} at ${each.rank} has ${score(each.margin)} ${word}`);
    if (beside.length) parts.push(h("p", {}, `${beside.join("; ")}.`));
    if (found.published !== null) parts.push(h("p", { class: "soft" }, `Published ${clock(found.published, zone, true)}, ${span(found.age_s)} ago. Its id is `, h("code", {}, found.item), "."));
    return parts;
  }

  sentence(found) {
    const where = found.section ? `${this.context.list.title}, ${found.section}` : this.context.list.title;
    if (found.rank === null) return `Not in ${where}: ${found.why}${found.place ? ` It would stand at ${found.place} by its score` : ""}.`;
    if (this.context.list.kind === "latest") return `At ${found.rank} of ${where}: the newest stands first.`;
    const events = found.channels.filter((each) => each.weight > 0).reduce((sum, each) => sum + each.events, 0);
    const boost = found.boost === 1 ? "" : `, and editors multiply it by ${found.boost}`;
    return `At ${found.rank} of ${where} with a score of ${score(found.score)}: ${plural(events, "event")} that count, each at its weight and less with its age${boost}.`;
  }

  /** The sum, a channel a line. What a burst makes of its counts is not a sum, and is said by its formula alone. */
  sum(found) {
    const ranked = this.context.list.kind === "ranked";
    const name = (each) => (each.source ? `${each.kind} from ${each.source}${each.position ? `, place ${each.position}` : ""}` : each.kind);
    const head = ranked ? ["", "events", "left at their age", "weight", "adds"] : ["", "events"];
    const sum = (value) => (Math.abs(value) < 1e5 ? value.toFixed(2) : number(value)); // alike, so that they can be added up
    const adds = found.counted < 1e5 ? adding(found.channels.map((each) => each.part), found.counted) : found.channels.map((each) => sum(each.part));
    const cells = (each, at) => (ranked ? [number(each.events), sum(each.decayed), `×${score(each.weight)}`, adds[at]] : [number(each.events)]);
    const lines = found.channels.map((each, at) => h("tr", {}, h("th", { scope: "row" }, name(each)), cells(each, at).map((cell) => h("td", {}, cell))));
    const total = (label, value) => h("tr", { class: "total" }, h("th", { scope: "row", colspan: head.length - 1 }, label), h("td", {}, value));
    const totals = ranked ? [total("together", sum(found.counted))] : [];
    if (ranked && found.shaped !== found.counted) totals.push(total("as the list’s shape has it", sum(found.shaped)));
    if (ranked && found.aging !== 1) totals.push(total("× what its own age leaves", `×${score(found.aging)}`));
    if (found.boost !== 1) totals.push(total("× boost", `×${found.boost}`));
    if (ranked && found.score !== null) {
      const product = found.shaped * found.aging * found.boost;
      const apart = Math.abs(product - found.score) > 1e-9 * Math.max(1, Math.abs(product));
      totals.push(total(apart ? "score, after the list’s revival and scale" : "score", Math.abs(found.score) < 0.1 ? score(found.score) : sum(found.score)));
    }
    return h("div", { class: "scroll" },
      h("table", {},
        h("caption", {}, h("span", { class: "unseen" }, "How its score adds up. "), h("code", {}, found.formula)),
        h("thead", {}, h("tr", {}, head.map((each) => (each ? h("th", { scope: "col" }, each) : h("td", {}))))),
        h("tbody", {}, lines, totals)));
  }

  line(buckets, at) {
    const [steps, step] = [36, 600];
    const views = new Array(steps).fill(0);
    for (const bucket of buckets) {
      const place = steps - 1 - Math.floor((at - bucket.start_s - bucket.width_s / 2) / step);
      if (place >= 0 && place < steps) views[place] += bucket.events;
    }
    return views.some(Boolean) ? sparkline(views, step) : null;
  }

  /** What an editor can say. */
  say(id, list) {
    const form = (name, fields, button, does, hint) => h("form", {
      class: "say", "aria-label": name,
      onsubmit: (event) => {
        event.preventDefault();
        this.context.desk.change(event.submitter ?? event.target.querySelector("button"), does(new FormData(event.target)), () => this.dialog.close());
      },
    }, fields, h("button", {}, button), h("p", { class: "soft" }, hint));
    const until = (suffix) => h("label", {}, "for", h("select", { name: "until", id: `until-${suffix}` },
      [["", "until lifted"], ["3600", "1 hour"], ["10800", "3 hours"], ["43200", "12 hours"], ["86400", "1 day"], ["604800", "7 days"]].map(([value, text]) => h("option", { value }, text))));
    const ends = (data) => (data.get("until") ? Date.now() / 1000 + Number(data.get("until")) : null);
    const item = encodeURIComponent(id);
    const section = this.context.section || null;
    const forms = [
      form("Pin", [h("label", {}, "Place", h("input", { name: "position", type: "number", min: 1, max: 1000, value: 1, required: true })), until("pin")], "Pin",
        (data) => ({ method: "PUT", path: `v1/lists/${list.name}/pins/${item}`, body: { position: Number(data.get("position")), until: ends(data), section }, says: `Pinned at ${data.get("position")}.` }),
        section ? `It has exactly that place in ${section}.` : "It has exactly that place, ranked or not."),
    ];
    if (list.kind !== "latest") {
      forms.push(form("Boost", [h("label", {}, "Score ×", h("input", { name: "factor", type: "number", min: 0.1, max: 10, step: 0.1, value: 1.5, required: true })), until("boost")], "Boost",
        (data) => ({ method: "PUT", path: `v1/lists/${list.name}/boosts/${item}`, body: { factor: Number(data.get("factor")), until: ends(data) }, says: `Boosted ×${data.get("factor")}.` }),
        "Above 1 it rises, below 1 it falls; readers move it still."));
    }
    forms.push(form("Block", [h("label", {}, "Because", h("input", { name: "reason", maxlength: 500, placeholder: "optional" })), until("block")], "Block",
      (data) => ({ method: "PUT", path: `v1/blocks/${item}`, body: { reason: data.get("reason") || null, until: ends(data) }, says: "Blocked." }),
      "It is in no list of the site, on the next read."));
    return h("section", { class: "says-what", "aria-label": "What editors can say" }, forms);
  }
}
