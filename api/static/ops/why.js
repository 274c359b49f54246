// Why an item is at its rank, in numbers that add up.

import { concentration } from "./concentration.js";
import { h } from "./dom.js";
import { sparkline } from "./draw.js";
import { adding, clock, decimal, number, percent, score, span } from "./format.js";
import { has, named, t } from "./language.js";
import { sourceName } from "./sources.js";

/** Of what moved an item: whether it was done to others. */
const MOVED_BY = { "an editor has boosted others": ".others", "editors have pinned others": ".others" };

/** Why an item is at its rank, as elements. */
export function explained(found, context) {
  const { list, zone, catalogue } = context;
  const parts = [h("p", { class: "words" }, sentence(found, list))];
  if (found.channels.length) parts.push(sum(found, list, context.state.key.grade === "admin"));
  const views = found.channels.find((each) => each.kind === "view" && !each.source);
  const lately = views && line(views.buckets, found.at);
  if (lately) parts.push(h("p", { class: "lately" }, h("span", {}, t("why.lately", { span: span(6 * 3600) })), lately));
  if (found.moves.length)
    parts.push(
      h(
        "ul",
        { class: "moves", "aria-label": t("why.moved") },
        found.moves.map((move) => h("li", {}, why(move))),
      ),
    );
  if (found.voids.length) parts.push(voided(found, context));
  if (found.concentration) parts.push(h("p", {}, concentration(found.concentration)));
  const left = Object.entries(found.left_out).map(([reason, count]) => `${number(count)} ${named("reason", reason)}`);
  if (left.length) parts.push(h("p", { class: "soft" }, t("why.left-out", { what: left.join(", ") })));
  const beside = [
    ["above", found.above],
    ["below", found.below],
  ]
    .filter(([, each]) => each && list.kind !== "latest")
    .map(([side, each]) =>
      t(`why.${side}`, { title: catalogue.title(each.item), n: each.rank, margin: score(each.margin) }),
    );
  if (beside.length) parts.push(h("p", {}, beside.join(" ")));
  if (found.published !== null)
    parts.push(
      h(
        "p",
        { class: "soft" },
        t(found.age_s < 0 ? "why.scheduled" : "why.published", {
          moment: clock(found.published, zone, "moment"),
          span: span(Math.abs(found.age_s)),
        }),
        " ",
        h("code", {}, found.item),
      ),
    );
  return parts;
}

/** What editors have made void, and how to lift it. */
function voided(found, context) {
  const { zone, desk } = context;
  const line = (each) => {
    const about = {
      from: clock(each.from, zone, "moment"),
      ends: each.to === null ? t("until.open") : t("until.moment", { moment: clock(each.to, zone, "moment") }),
      share: percent(each.share),
      of: [...each.kinds, ...each.sources].join(", ") || t("say.all"),
    };
    return h(
      "li",
      {},
      h("span", {}, `${t("void.line", about)} `),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          "aria-label": t("void.lift", { number: each.void }),
          onclick: (event) =>
            desk.change(
              event.currentTarget,
              {
                method: "DELETE",
                path: `v1/items/${encodeURIComponent(found.item)}/voids/${each.void}`,
                says: t("void.lifted"),
              },
              () => context.open({ id: found.item }),
            ),
        },
        t("lift"),
      ),
    );
  };
  return h(
    "div",
    { class: "voids" },
    h("p", {}, t("void.sum", { n: Math.round(found.voided) })),
    h("ul", { "aria-label": t("void.title") }, found.voids.map(line)),
  );
}

function sentence(found, list) {
  const where = found.section ? `${list.title}, ${found.section}` : list.title;
  if (found.rank === null) {
    const why = has(`rule.${found.rule}`) ? t(`rule.${found.rule}`) : found.why;
    const place = found.place ? ` ${t("why.by-score", { n: found.place })}` : "";
    return `${t("why.not", { where, why })}${place}`;
  }
  const at = { n: found.rank, where };
  if (list.kind === "latest") return t("why.latest", at);
  const events = found.channels.filter((each) => each.weight > 0).reduce((total, each) => total + each.events, 0);
  const shown = found.shown === null || found.shown === found.rank ? "" : ` ${t("why.shown", { n: found.shown })}`;
  if (found.times_usual === null)
    return t("why.at", { place: found.rank, where, score: score(found.score), n: events }) + shown;
  const usual = { place: found.rank, where, times: score(found.times_usual), usual: score(found.usual) };
  return t("why.burst", { ...usual, n: found.counted }) + shown;
}

function why(move) {
  const text = t(`moved.${move.by}${MOVED_BY[move.why] ?? ""}`, { n: Math.abs(move.places), place: move.position });
  const said = has(`moved.${move.by}`) ? text : move.why;
  if (!move.places) return said;
  return `${said} ${t(move.places > 0 ? "places.up" : "places.down", { n: Math.abs(move.places) })}`;
}

/** The sum, a channel a line. What a burst makes of its counts is not a sum, and is said by its formula alone. */
function sum(found, list, isAdmin) {
  const ranked = list.kind === "ranked";
  const name = (each) =>
    [
      named("kind", each.kind),
      each.source && sourceName(each.source),
      each.position && t("place", { n: each.position }),
    ]
      .filter(Boolean)
      .join(", ");
  const head = ranked ? ["", t("sum.events"), t("sum.left"), t("sum.weight"), t("sum.adds")] : ["", t("sum.events")];
  const figure = (value) => (Math.abs(value) < 1e5 ? decimal(value, 2) : number(value)); // to be added up by hand
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
      found.terms.length === 1 && term.name === "events" ? t("sum.score") : named("term", term.name),
      marks[term.operation] ? `${marks[term.operation]}${score(term.value)}` : exact(term.value),
    ),
  );
  if (found.score !== null && found.terms.length !== 1) totals.push(total(t("sum.score"), exact(found.score)));
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      {},
      h("caption", {}, h("span", { class: "unseen" }, t("sum.title")), isAdmin ? h("code", {}, found.formula) : null),
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
