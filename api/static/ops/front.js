// The front of the trade-off: what each half-life caught of readers' wishes, against how much its list changes.

import { h, svg } from "./dom.js";
import { decimal, percent, span } from "./format.js";
import { t } from "./language.js";

export const halfLifeName = (trial) => (trial.half_life_s === null ? t("front.mix") : span(trial.half_life_s));

/** The half-lives on the front and the forecast, which stands for itself: a line each, the calmest first. */
export function frontWords(tried, marks) {
  return tried
    .filter((trial) => trial.on_front || trial.half_life_s === null)
    .sort((one, other) => one.changed - other.changed)
    .map((trial) =>
      h(
        "li",
        {},
        t("front.line", { half: halfLifeName(trial), caught: percent(trial.capture), changed: decimal(trial.changed) }),
        marks.has(trial) ? ` (${marks.get(trial).text})` : "",
      ),
    );
}

/** Capture against change: up is better for readers, left is calmer for editors. `width` in pixels. */
export function plot(night, tried, marks, width) {
  const [height, left, bottom] = [190, 44, 34];
  const range = (values, pad) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = Math.max(pad, (high - low) * 0.12);
    return [Math.max(0, low - room), high + room];
  };
  const [lowC, highC] = range(
    tried.flatMap((each) => [each.capture, ...(each.interval ?? [])]),
    0.01,
  );
  const [lowX, highX] = range(
    tried.map((each) => each.changed),
    0.1,
  );
  const x = (value) => left + ((width - left - 12) * (value - lowX)) / (highX - lowX);
  const y = (value) => 10 + (height - bottom - 10) * (1 - (value - lowC) / (highC - lowC));
  const dots = tried.map((each) => {
    const said = marks.get(each);
    const style = said ? (said.isBest ? "best" : "yours") : "";
    const whisker =
      each.interval &&
      svg("line", {
        class: "whisker",
        x1: x(each.changed),
        x2: x(each.changed),
        y1: y(each.interval[0]),
        y2: y(each.interval[1]),
      });
    const dot = svg(
      "circle",
      { class: `dot ${style}`, cx: x(each.changed), cy: y(each.capture), r: style ? 6 : 4 },
      svg(
        "title",
        {},
        t("front.dot", { half: halfLifeName(each), caught: percent(each.capture), changed: decimal(each.changed) }),
      ),
    );
    const [at, anchor] =
      x(each.changed) > 0.66 * width
        ? [width - 4, "end"]
        : x(each.changed) < 0.33 * width
          ? [left + 4, "start"]
          : [x(each.changed), "middle"];
    const label =
      said &&
      svg(
        "text",
        {
          class: "tick strong",
          x: at,
          y: said.isBest ? Math.max(10, y(each.capture) - 11) : y(each.capture) + 21,
          "text-anchor": anchor,
        },
        `${halfLifeName(each)}: ${said.text}`,
      );
    return [whisker, dot, label];
  });
  const line = tried
    .filter((each) => each.half_life_s !== null)
    .map((each) => `${x(each.changed).toFixed(1)} ${y(each.capture).toFixed(1)}`)
    .join("L");
  return h(
    "figure",
    { class: "curve" },
    svg(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": t("front.chart"),
      },
      [highC, (lowC + highC) / 2, lowC]
        .map((value) => [
          svg("line", { class: "grid", x1: left, x2: width - 8, y1: y(value), y2: y(value) }),
          svg("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end" }, percent(value)),
        ])
        .flat(),
      [lowX, (lowX + highX) / 2, highX].map((value, at) =>
        svg(
          "text",
          { class: "tick", x: x(value), y: height - 18, "text-anchor": ["start", "middle", "end"][at] },
          decimal(value),
        ),
      ),
      svg(
        "text",
        { class: "tick", x: (left + width) / 2, y: height - 3, "text-anchor": "middle" },
        t("front.axis", { n: night.k }),
      ),
      svg("path", { class: "joins", d: `M${line}` }),
      dots.flat(),
    ),
    h("figcaption", {}, t("front.about")),
  );
}
