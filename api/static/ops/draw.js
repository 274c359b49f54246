// Pictures: a line of recent views, how events fade, and traffic by the minute. Colours are the style sheet's.

import { h, svg } from "./dom.js";
import { compact, number, percent, span } from "./format.js";
import { t } from "./language.js";

/** Ages that an axis is marked by, in seconds. */
const STEPS = [600, 900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400];

/** A bar as long as a share of its cell, from 0 to 1, with its words. */
export function bar(share, text, title = null) {
  const fill = h("span", { class: "fill" });
  fill.style.width = `${100 * share}%`;
  return h("span", { class: "bar", title }, fill, h("span", {}, text));
}

/** Recent views as a small line. */
export function sparkline(views, stepSeconds) {
  const [width, height] = [96, 26];
  if (!views) return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const most = Math.max(1, ...views);
  const x = (place) => 1 + (place * (width - 2)) / Math.max(1, views.length - 1);
  const y = (count) => height - 2 - ((height - 5) * count) / most;
  const line = views.map((count, place) => `${x(place).toFixed(1)} ${y(count).toFixed(1)}`).join("L");
  const total = views.reduce((sum, count) => sum + count, 0);
  const inHour = views.slice(-Math.max(1, Math.round(3600 / stepSeconds))).reduce((sum, count) => sum + count, 0);
  const said = t("spark", { n: total, span: span(views.length * stepSeconds), hour: inHour });
  return svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": said },
    svg("title", {}, said),
    svg("path", { class: "area", d: `M${line}L${x(views.length - 1)} ${height}L${x(0)} ${height}Z` }),
    svg("path", { class: "line", d: `M${line}` }),
    svg("circle", { class: "end", cx: x(views.length - 1), cy: y(views.at(-1)), r: 2 }),
  );
}

/** How much an event still counts at each age, as it is and as it would be; `width` in pixels. */
export function curves(decay, width) {
  const drawn = [
    ["live", decay.live],
    ["other", decay.preview],
  ].filter(([, weights]) => weights);
  if (!drawn.length) return [];
  const [height, left, bottom] = [150, 42, 22];
  const last = decay.ages_s.at(-1);
  const x = (age) => left + ((width - left - 8) * age) / last;
  const y = (weight) => 8 + (height - bottom - 8) * (1 - weight);
  const step = STEPS.find((each) => last / each <= Math.min(6, (width - left) / 56)) ?? STEPS.at(-1);
  const ticks = Array.from({ length: Math.floor(last / step) }, (_, at) => (at + 1) * step);
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("curve") },
    [0, 0.5, 1]
      .map((weight) => [
        svg("line", { class: "grid", x1: left, x2: width - 8, y1: y(weight), y2: y(weight) }),
        svg("text", { class: "tick", x: left - 6, y: y(weight) + 4, "text-anchor": "end" }, percent(weight)),
      ])
      .flat(),
    ticks.map((age) =>
      svg(
        "text",
        { class: "tick", x: Math.min(x(age), width - 16), y: height - 4, "text-anchor": "middle" },
        span(age),
      ),
    ),
    drawn.map(([name, weights]) =>
      svg("path", {
        class: `curve-${name}`,
        d: `M${decay.ages_s.map((age, at) => `${x(age).toFixed(1)} ${y(weights[at]).toFixed(1)}`).join("L")}`,
      }),
    ),
  );
  const names = { live: t("curve.live"), other: t("curve.other") };
  return [
    picture,
    h(
      "figcaption",
      {},
      h("span", {}, t("curve.about")),
      drawn.map(([name]) => h("span", { class: `key-${name}` }, names[name])),
    ),
  ];
}

/**
 * Stacked columns, one for each moment. `series`: [name, class, counts]; `isMarked` says which moments the axis names, `write`
 * how.
 */
export function columns(moments, series, { label, width, isMarked, write }) {
  const [height, left, bottom] = [120, 40, 20];
  const totals = moments.map((_, at) => series.reduce((sum, [, , counts]) => sum + counts[at], 0));
  const most = niceTop(Math.max(1, ...totals));
  const step = (width - left - 4) / moments.length;
  const y = (count) => 6 + (height - bottom - 6) * (1 - count / most);
  const drawn = [];
  moments.forEach((moment, at) => {
    let below = 0;
    for (const [name, style, counts] of series) {
      if (!counts[at]) continue;
      const top = y(below + counts[at]);
      drawn.push(
        svg(
          "rect",
          {
            class: style,
            x: (left + at * step).toFixed(2),
            width: Math.max(1, step - 1).toFixed(2),
            y: top.toFixed(2),
            height: (y(below) - top).toFixed(2),
          },
          svg("title", {}, `${write(moment)}: ${number(counts[at])} ${name}`),
        ),
      );
      below += counts[at];
    }
  });
  const marks = moments.map((moment, at) => [moment, at]).filter(([moment, at]) => isMarked(moment, at));
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "columns" },
    [0, most]
      .map((count) => [
        svg("line", { class: "grid", x1: left, x2: width - 4, y1: y(count), y2: y(count) }),
        svg("text", { class: "tick", x: left - 6, y: y(count) + 4, "text-anchor": "end" }, compact(count)),
      ])
      .flat(),
    marks.map(([moment, at]) =>
      svg(
        "text",
        {
          class: "tick",
          x: Math.min(width - 18, Math.max(left + 14, left + at * step)),
          y: height - 4,
          "text-anchor": "middle",
        },
        write(moment),
      ),
    ),
    drawn,
  );
}

/** The next of 1, 2, 5, 10, 20, … that holds a count. */
function niceTop(count) {
  const power = 10 ** Math.floor(Math.log10(count));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= count);
}
