// Why an item is at its rank, in numbers that add up.

import { h } from "./dom.js";
import { sparkline } from "./draw.js";
import { adding, clock, concentration, number, percent, plural, score, span } from "./words.js";

const REASONS = {
  robot: "by robots",
  prefetch: "fetched ahead",
  fetch: "opened as an address",
  limited: "over a limit",
  new_item: "on an unknown item",
  gpc: "by readers who object",
  duplicate: "repeats",
  concentrated: "beyond what one network may add",
};

/** What each step towards a score is called; a step of another name is a burst's comparison. */
const TERMS = {
  events: "together",
  bonus: "+ kinds that are a bonus",
  shape: "as the list’s shape has it",
  aging: "× what its own age leaves",
  revival: "+ as it is read again",
  scale: "÷ for its section",
  usual: "less what is usual",
  boost: "× boost",
};

/** Why an item is at its rank, as elements. */
export function explained(found, context) {
  const { list, zone, live } = context;
  const parts = [h("p", { class: "words" }, sentence(found, list))];
  if (found.channels.length) parts.push(sum(found, list));
  const views = found.channels.find((each) => each.kind === "view" && !each.source);
  const lately = views && line(views.buckets, found.at);
  if (lately) parts.push(h("p", { class: "lately" }, h("span", {}, "Views of the last 6 h"), lately));
  if (found.moves.length)
    parts.push(
      h(
        "ul",
        { class: "moves", "aria-label": "What moved it" },
        found.moves.map((move) => h("li", {}, why(move))),
      ),
    );
  if (found.voids.length) parts.push(voided(found, context));
  if (found.concentration) parts.push(h("p", {}, concentration(found.concentration)));
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

/** What editors have made void, and how to lift it. */
function voided(found, context) {
  const { zone, desk } = context;
  const line = (each) => {
    const ends = each.to === null ? "on" : `to ${clock(each.to, zone, true)}`;
    const about = [...each.kinds, ...each.sources].join(", ");
    const weigh = each.share ? `weigh ${percent(each.share)}` : "weigh nothing";
    return h(
      "li",
      {},
      h("span", {}, `Events from ${clock(each.from, zone, true)} ${ends}${about ? ` (${about})` : ""} ${weigh}. `),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          "aria-label": `Lift void ${each.void}`,
          onclick: (event) =>
            desk.change(
              event.currentTarget,
              {
                method: "DELETE",
                path: `v1/items/${encodeURIComponent(found.item)}/voids/${each.void}`,
                says: "Lifted, from the next refresh on.",
              },
              () => context.open({ id: found.item }),
            ),
        },
        "Lift",
      ),
    );
  };
  return h(
    "div",
    { class: "voids" },
    h("p", {}, `Voided by an editor: ${plural(Math.round(found.voided), "event")} that weigh nothing.`),
    h("ul", { "aria-label": "Voids in force" }, found.voids.map(line)),
  );
}

function sentence(found, list) {
  const where = found.section ? `${list.title}, ${found.section}` : list.title;
  if (found.rank === null)
    return `Not in ${where}: ${found.why}${found.place ? ` It would stand at ${found.place} by its score` : ""}.`;
  if (list.kind === "latest") return `At ${found.rank} of ${where}: the newest stands first.`;
  const events = found.channels.filter((each) => each.weight > 0).reduce((total, each) => total + each.events, 0);
  const made = `${plural(events, "event")} that count, each at its weight and less with its age`;
  const pinned =
    found.shown === null || found.shown === found.rank ? "" : ` With what is pinned it is shown at ${found.shown}.`;
  if (found.times_usual !== null) {
    const usual = `${plural(found.counted, "event")} where ${score(found.usual)} are usual`;
    return `At ${found.rank} of ${where}: read ${score(found.times_usual)} times its usual, ${usual}.${pinned}`;
  }
  return `At ${found.rank} of ${where} with a score of ${score(found.score)}: ${made}.${pinned}`;
}

function why(move) {
  const text = `${move.why.charAt(0).toUpperCase()}${move.why.slice(1)}`;
  return move.places
    ? `${text}: ${plural(Math.abs(move.places), "place")} ${move.places > 0 ? "up" : "down"}.`
    : `${text}.`;
}

/** The sum, a channel a line. What a burst makes of its counts is not a sum, and is said by its formula alone. */
function sum(found, list) {
  const ranked = list.kind === "ranked";
  const name = (each) =>
    each.source ? `${each.kind} from ${each.source}${each.position ? `, place ${each.position}` : ""}` : each.kind;
  const head = ranked ? ["", "events", "left at their age", "weight", "adds"] : ["", "events"];
  const figure = (value) => (Math.abs(value) < 1e5 ? value.toFixed(2) : number(value)); // to be added up by hand
  const exact = (value) => (value && Math.abs(value) < 0.1 ? score(value) : figure(value));
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
  const marks = { x: "×", "/": "÷" };
  const totals = found.terms.map((term) =>
    total(
      found.terms.length === 1 && term.name === "events" ? "score" : (TERMS[term.name] ?? `by ${term.name}`),
      marks[term.operation] ? `${marks[term.operation]}${score(term.value)}` : exact(term.value),
    ),
  );
  if (found.score !== null && found.terms.length !== 1) totals.push(total("score", exact(found.score)));
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
