// What tuning found in the site's own past: which half-life would have shown readers what they went on to read.

import { ask } from "./api.js";
import { $, h, put, svg } from "./dom.js";
import { clock, number, percent, plural, span, written } from "./words.js";

const NIGHTS = 30;
const NONE_YET =
  "No evidence yet. The service can tell from this site’s own past which half-life would have shown readers what they " +
  "went on to read:";

const named = (trial) => (trial.half_life_s === null ? "the forecast" : span(trial.half_life_s));

export class Evidence {
  constructor(context) {
    this.context = context;
  }

  async refresh() {
    const { site, list, zone } = this.context;
    const found = await ask("v1/ops/evidence", { site, query: { list: list.name, nights: NIGHTS } });
    if (list.name !== this.context.list.name || site !== this.context.site) return;
    const night = found.nights.find((each) => each.trials.length);
    put($("evidence-body"), night ? this.drawn(night, found.nights, zone) : this.none(list, found.nights[0]));
  }

  none(list, night) {
    if (list.kind !== "ranked")
      return [h("p", { class: "empty" }, "What fades in this list is not a half-life: there is none to look for.")];
    return [
      h("p", { class: "empty" }, night ? `${night.why}` : NONE_YET),
      h("pre", { tabindex: 0, "aria-label": "Command" }, `populer tune --list ${list.name}`),
      h(
        "p",
        { class: "soft" },
        "With ",
        h("code", {}, 'half_life = "auto"'),
        " it looks every night, moves within the bounds that you set, and shows here what it found.",
      ),
    ];
  }

  drawn(night, nights, zone) {
    const tried = [...night.trials].sort((a, b) => (a.half_life_s ?? Infinity) - (b.half_life_s ?? Infinity));
    const marks = this.marks(night, tried);
    return [
      h("p", { class: "words" }, night.why),
      this.plot(night, tried, marks),
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          { class: "tried" },
          h("caption", { class: "unseen" }, "Half-lives that were tried"),
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ["half-life", "caught", "changes an hour", ""].map((each) =>
                h("th", { scope: "col" }, each || h("span", { class: "unseen" }, "try")),
              ),
            ),
          ),
          h(
            "tbody",
            {},
            tried.map((each) => this.line(each, marks)),
          ),
        ),
      ),
      h("p", { class: "soft" }, this.method(night, zone)),
      nights.length > 1 ? h("h3", {}, "Night by night") : null,
      nights.length > 1
        ? h(
            "ol",
            { class: "trail" },
            nights.map((each) =>
              h(
                "li",
                {},
                h("time", { datetime: new Date(1000 * each.at).toISOString() }, clock(each.at, zone, true)),
                h(
                  "span",
                  {},
                  h(
                    "b",
                    {},
                    each.moved
                      ? `${span(each.before.half_life_s)} → ${span(each.after.half_life_s)}`
                      : `stays at ${span(each.after.half_life_s)}`,
                  ),
                  `: ${each.why}`,
                ),
              ),
            ),
          )
        : null,
    ];
  }

  /** How it was found out. */
  method(night, zone) {
    const caught = `Caught: of the reads that the best ${night.k} had, those of the ${night.k} listed.`;
    const past = `${plural(night.steps, "list")} on ${plural(night.days, "day")}`;
    const when = `${clock(night.first, zone, true)} to ${clock(night.at, zone, true)}`;
    const judged = `each ranked by what was known then and judged by the ${span(night.horizon_s)} after`;
    return `${caught} Over ${past}, ${when}, ${judged}.`;
  }

  /** What is to be said of a trial: the best, what was in effect, what is now. */
  marks(night, tried) {
    const allowed = tried.filter((each) => night.accepted === null || each.changed <= night.accepted);
    const best = (allowed.length ? allowed : tried).reduce((one, other) => (other.capture > one.capture ? other : one));
    const nearest = (wanted) =>
      tried.filter((each) => each.half_life_s).find((each) => Math.abs(Math.log(each.half_life_s / wanted)) < 0.01);
    return new Map([
      [nearest(night.after.half_life_s), "in effect"],
      [best, best === nearest(night.after.half_life_s) ? "best, in effect" : "best"],
    ]);
  }

  line(each, marks) {
    const name = named(each);
    const said = marks.get(each);
    const attempt =
      each.half_life_s === null
        ? null
        : h(
            "button",
            {
              type: "button",
              class: "quiet",
              "data-key": `try ${name}`,
              "aria-label": `Try a half-life of ${name}`,
              onclick: () => this.context.tuning.take({ half_life: written(each.half_life_s) }),
            },
            "Try",
          );
    return h(
      "tr",
      { class: said?.startsWith("best") ? "best" : "" },
      h(
        "th",
        { scope: "row" },
        name,
        said ? h("span", { class: said === "in effect" ? "badge dim" : "badge" }, said) : null,
      ),
      h("td", {}, this.bar(each)),
      h("td", {}, each.changed.toFixed(1)),
      h("td", {}, attempt),
    );
  }

  bar(each) {
    const fill = h("span", { class: "fill" });
    fill.style.width = `${100 * each.capture}%`;
    const between = each.interval
      ? `, ${Math.round(100 * each.interval[0])} to ${percent(each.interval[1])} in 95 of 100 draws of days`
      : "";
    return h(
      "span",
      { class: "bar", title: `${percent(each.capture)}${between}` },
      fill,
      h("span", {}, percent(each.capture)),
    );
  }

  /** Capture against change: up is better for readers, left is calmer for editors. */
  plot(night, tried, marks) {
    const [width, height, left, bottom] = [$("evidence-body").clientWidth || 520, 190, 44, 34];
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
      const style = said ? (said.startsWith("best") ? "best" : "yours") : "";
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
        svg("title", {}, `${named(each)}: ${percent(each.capture)}, ${each.changed.toFixed(1)} change an hour`),
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
          { class: "tick strong", x: at, y: Math.max(10, y(each.capture) - 11), "text-anchor": anchor },
          `${named(each)}: ${said}`,
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
          "aria-label":
            "What each half-life catches against how much its list changes; the table below has the numbers",
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
            value.toFixed(1),
          ),
        ),
        svg(
          "text",
          { class: "tick", x: (left + width) / 2, y: height - 3, "text-anchor": "middle" },
          `items that change an hour, of ${number(night.k)}`,
        ),
        svg("path", { class: "joins", d: `M${line}` }),
        dots.flat(),
      ),
      h("figcaption", {}, "Up: more of what readers went on to read. Left: a calmer list."),
    );
  }
}
