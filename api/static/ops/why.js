// Why an item is at its rank, in numbers that add up.

import { h } from "./dom.js";
import { sparkline } from "./draw.js";
import { adding, clock, number, plural, score, span } from "./words.js";

const REASONS = {
  robot: "by robots",
  prefetch: "fetched ahead",
  fetch: "opened as an address",
  limited: "over a limit",
  new_item: "on an unknown item",
  gpc: "by readers who object",
  duplicate: "repeats",
};

/** Why an item is at its rank, as elements. */
export function explained(found, context) {
  const { list, zone, live } = context;
  const parts = [h("p", { class: "words" }, sentence(found, list))];
  if (found.channels.length) parts.push(sum(found, list));
  const views = found.channels.find((each) => each.kind === "view" && !each.source);
  const lately = views && line(views.buckets, found.at);
  if (lately) parts.push(h("p", { class: "lately" }, h("span", {}, "Views of the last 6 h"), lately));
  const left = Object.entries(found.left_out).map(([reason, count]) => `${number(count)} ${REASONS[reason] ?? reason}`);
  if (left.length) parts.push(h("p", { class: "soft" }, `Left out of late, and not counted: ${left.join(", ")}.`));
  const beside = [
    ["above", found.above, "more"],
    ["below", found.below, "less"],
  ]
    .filter(([, each]) => each && list.kind !== "latest")
    .map(([, each, word]) => `${live.title(each.item)} at ${each.rank} has ${score(each.margin)} ${word}`);
  if (beside.length) parts.push(h("p", {}, `${beside.join("; ")}.`));
  if (found.published !== null)
    parts.push(
      h(
        "p",
        { class: "soft" },
        `Published ${clock(found.published, zone, true)}, ${span(found.age_s)} ago. Its id is `,
        h("code", {}, found.item),
        ".",
      ),
    );
  return parts;
}

function sentence(found, list) {
  const where = found.section ? `${list.title}, ${found.section}` : list.title;
  if (found.rank === null)
    return `Not in ${where}: ${found.why}${found.place ? ` It would stand at ${found.place} by its score` : ""}.`;
  if (list.kind === "latest") return `At ${found.rank} of ${where}: the newest stands first.`;
  const events = found.channels.filter((each) => each.weight > 0).reduce((total, each) => total + each.events, 0);
  const boost = found.boost === 1 ? "" : `, and editors multiply it by ${found.boost}`;
  const made = `${plural(events, "event")} that count, each at its weight and less with its age${boost}`;
  return `At ${found.rank} of ${where} with a score of ${score(found.score)}: ${made}.`;
}

/** The sum, a channel a line. What a burst makes of its counts is not a sum, and is said by its formula alone. */
function sum(found, list) {
  const ranked = list.kind === "ranked";
  const name = (each) =>
    each.source ? `${each.kind} from ${each.source}${each.position ? `, place ${each.position}` : ""}` : each.kind;
  const head = ranked ? ["", "events", "left at their age", "weight", "adds"] : ["", "events"];
  const figure = (value) => (Math.abs(value) < 1e5 ? value.toFixed(2) : number(value)); // to be added up by hand
  const parts = found.channels.map((each) => each.part);
  const whole = parts.reduce((total, part) => total + part, 0);
  const plain = found.counted < 1e5 && Math.abs(whole - found.counted) < 1e-6; // kinds that are a bonus are capped
  const adds = plain ? adding(parts, found.counted) : parts.map(figure);
  const cells = (each, at) =>
    ranked ? [number(each.events), figure(each.decayed), `×${score(each.weight)}`, adds[at]] : [number(each.events)];
  const lines = found.channels.map((each, at) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name(each)),
      cells(each, at).map((cell) => h("td", {}, cell)),
    ),
  );
  const total = (label, value) =>
    h("tr", { class: "total" }, h("th", { scope: "row", colspan: head.length - 1 }, label), h("td", {}, value));
  const totals = ranked ? [total("together", figure(found.counted))] : [];
  if (ranked && found.shaped !== found.counted) totals.push(total("as the list’s shape has it", figure(found.shaped)));
  if (ranked && found.aging !== 1) totals.push(total("× what its own age leaves", `×${score(found.aging)}`));
  if (found.boost !== 1) totals.push(total("× boost", `×${found.boost}`));
  if (ranked && found.score !== null) {
    const product = found.shaped * found.aging * found.boost;
    const apart = Math.abs(product - found.score) > 1e-9 * Math.max(1, Math.abs(product));
    totals.push(
      total(
        apart ? "score, after the list’s revival and scale" : "score",
        Math.abs(found.score) < 0.1 ? score(found.score) : figure(found.score),
      ),
    );
  }
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      {},
      h("caption", {}, h("span", { class: "unseen" }, "How its score adds up. "), h("code", {}, found.formula)),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((each) => (each ? h("th", { scope: "col" }, each) : h("td", {}))),
        ),
      ),
      h("tbody", {}, lines, totals),
    ),
  );
}

function line(buckets, at) {
  const [steps, step] = [36, 600];
  const views = new Array(steps).fill(0);
  for (const bucket of buckets) {
    const place = steps - 1 - Math.floor((at - bucket.start_s - bucket.width_s / 2) / step);
    if (place >= 0 && place < steps) views[place] += bucket.events;
  }
  return views.some(Boolean) ? sparkline(views, step) : null;
}
