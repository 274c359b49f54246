// What `populer tune` found in the site's own history: which settings would have shown readers what they went on to read.

import { ask } from "./api.js";
import { $, h, put, svg } from "./dom.js";
import { clock, number, percent, span } from "./words.js";

const SHOWN = 12;

const name = (settings) => Object.entries(settings).map(([key, value]) => `${key.replaceAll("_", " ")} ${value}`).join(", ") || "as it is";

const same = (one, other) => one && other && JSON.stringify(one.settings) === JSON.stringify(other.settings);

export class Evidence {
  constructor(context) {
    this.context = context;
  }

  async refresh() {
    const { site, list, zone } = this.context;
    let found;
    try {
      found = await ask("v1/ops/evidence", { site, query: { list: list.name } });
    } catch (error) {
      if (error.status !== 404) throw error;
      put($("evidence-body"), this.none(list));
      return;
    }
    if (list.name === this.context.list.name) put($("evidence-body"), this.drawn(found, zone));
  }

  none(list) {
    return [
      h("p", { class: "empty" }, "No evidence yet. The service can tell from this site’s own history which setting would have shown readers what they went on to read:"),
      h("pre", { tabindex: 0, "aria-label": "Command" }, `populer tune --list ${list.name}`),
    ];
  }

  drawn(found, zone) {
    const { best, current } = found;
    const tried = [...found.candidates].sort((a, b) => b.capture - a.capture);
    const shown = tried.slice(0, SHOWN);
    for (const each of [best, current]) if (each && !shown.some((one) => same(one, each))) shown.push(each);
    const parts = [];
    if (found.sentence) parts.push(h("p", { class: "words" }, found.sentence));
    parts.push(this.plot(found, tried));
    parts.push(h("div", { class: "scroll" }, h("table", { class: "tried" },
      h("caption", { class: "unseen" }, "Settings that were tried"),
      h("thead", {}, h("tr", {}, ["setting", "of the best reads", "stay", ""].map((each) => h("th", { scope: "col" }, each || h("span", { class: "unseen" }, "try"))))),
      h("tbody", {}, shown.map((each) => h("tr", { class: same(each, best) ? "best" : "" },
        h("th", { scope: "row" }, name(each.settings), same(each, best) ? h("span", { class: "badge" }, "best") : null, same(each, current) ? h("span", { class: "badge dim" }, "yours") : null),
        h("td", {}, this.bar(each)), h("td", {}, `${each.kept.toFixed(1)} of ${found.k}`),
        h("td", {}, h("button", { type: "button", class: "quiet", "aria-label": `Try ${name(each.settings)}`, onclick: () => this.context.tuning.take(values(each.settings)) }, "Try"))))))));
    const when = found.from && found.to ? `, ${clock(found.from, zone, true)} to ${clock(found.to, zone, true)}` : "";
    parts.push(h("p", { class: "soft" }, `${number(found.steps)} steps of ${span(found.step_s)}${when}. Each ranked by what was known then, and judged by what readers did in the ${span(found.horizon_s)} after.`));
    for (const note of found.notes ?? []) parts.push(h("p", { class: "soft" }, note));
    return parts;
  }

  bar(each) {
    const fill = h("span", { class: "fill" });
    fill.style.width = percent(each.capture).replace(" ", "");
    const between = each.ci ? ` (${Math.round(100 * each.ci[0])} to ${percent(each.ci[1])})` : "";
    return h("span", { class: "bar", title: `${percent(each.capture)}${between}` }, fill, h("span", {}, percent(each.capture)));
  }

  /** Capture against how many items stay: up is better for readers, right is calmer for editors. */
  plot(found, tried) {
    const [width, height, left, bottom] = [$("evidence-body").clientWidth || 520, 190, 44, 34];
    const [captures, kept] = [tried.map((each) => each.capture), tried.map((each) => each.kept)];
    const range = (values, pad) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const room = Math.max(pad, (high - low) * 0.1);
      return [low - room, high + room];
    };
    const [[lowC, highC], [lowK, highK]] = [range(captures, 0.01), range(kept, 0.1)];
    const x = (value) => left + ((width - left - 12) * (value - lowK)) / (highK - lowK);
    const y = (value) => 10 + (height - bottom - 10) * (1 - (value - lowC) / (highC - lowC));
    const dot = (each) => {
      const style = same(each, found.best) ? "best" : same(each, found.current) ? "yours" : "";
      return svg("circle", { class: `dot ${style}`, cx: x(each.kept), cy: y(each.capture), r: style ? 6 : 4 }, svg("title", {}, `${name(each.settings)}: ${percent(each.capture)}, ${each.kept.toFixed(1)} stay`));
    };
    const label = (each, word) => each && svg("text", { class: "tick strong", x: Math.min(width - 40, Math.max(left + 30, x(each.kept))), y: y(each.capture) - 11, "text-anchor": "middle" }, word);
    return h("figure", { class: "curve" }, svg(
      "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "What each setting catches against how calm its list is; the table below has the numbers" },
      [highC, (lowC + highC) / 2, lowC].map((value) => [svg("line", { class: "grid", x1: left, x2: width - 8, y1: y(value), y2: y(value) }), svg("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end" }, `${Math.round(100 * value)}%`)]).flat(),
      [lowK, (lowK + highK) / 2, highK].map((value) => svg("text", { class: "tick", x: x(value), y: height - 18, "text-anchor": "middle" }, value.toFixed(1))),
      svg("text", { class: "tick", x: (left + width) / 2, y: height - 3, "text-anchor": "middle" }, `items of ${found.k} that stay from one step to the next`),
      tried.map(dot), same(found.best, found.current) ? label(found.best, "yours is best") : [label(found.current, "yours"), label(found.best, "best")].filter(Boolean),
    ), h("figcaption", {}, "Up: more of what readers went on to read. Right: a calmer list."));
  }
}

/** Settings in the file's words as values: numbers are numbers, and a name with a dot reaches into a table. */
function values(settings) {
  const found = {};
  for (const [key, text] of Object.entries(settings)) {
    const value = typeof text === "string" && text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
    const [table, inner] = key.split(/\.(.*)/s);
    if (inner) found[table] = { ...found[table], [inner]: value };
    else found[key] = value;
  }
  return found;
}
