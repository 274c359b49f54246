// How an item was read since its publication, by hour or day and by source, and where it stood in the lists.

import { ask, download } from "./api.js";
import { h, put, svg, tell } from "./dom.js";
import { columns } from "./draw.js";
import { clock, number } from "./format.js";
import { t } from "./language.js";
import { sourceName } from "./sources.js";
import { table } from "./table.js";

const STEPS = ["hour", "day"];
const MARKS = 6;

export class ItemHistory {
  constructor(context, id) {
    Object.assign(this, { context, id, step: "hour" });
    this.body = h("div", { "aria-live": "polite" });
    this.element = h(
      "section",
      { class: "card", "aria-labelledby": "history-title" },
      h(
        "header",
        {},
        h("h2", { id: "history-title" }, t("history.title")),
        h("div", { class: "links" }, (this.steps = h("div", { class: "tabs" })), this.csv()),
      ),
      this.body,
    );
    this.choose("hour");
  }

  get request() {
    return [`v1/items/${encodeURIComponent(this.id)}/history`, { site: this.context.site, query: { step: this.step } }];
  }

  csv() {
    const save = async () => {
      const [path, request] = this.request;
      await download(path, { ...request, query: { ...request.query, format: "csv" } }).catch((error) =>
        tell(error.message),
      );
    };
    return h("button", { type: "button", onclick: save }, t("csv"));
  }

  async choose(step) {
    this.step = step;
    put(
      this.steps,
      STEPS.map((each) =>
        h(
          "button",
          { type: "button", "data-key": each, "aria-pressed": String(each === step), onclick: () => this.choose(each) },
          t(`step.${each}`),
        ),
      ),
    );
    try {
      const found = await ask(...this.request);
      if (this.step === step) put(this.body, this.drawn(found));
    } catch (error) {
      if (error.isKeyRefused) return this.context.failed(error);
      put(this.body, h("p", { class: "empty" }, error.status === 404 ? t("item.unknown") : error.message));
    }
  }

  drawn(found) {
    const { zone } = this.context;
    const width = this.body.clientWidth || 560;
    const every = Math.ceil(found.steps.length / MARKS);
    const sum = (counts) => counts.reduce((total, each) => total + each, 0);
    const views = columns(found.steps, [[t("report.views"), "k1", found.views]], {
      label: t("history.chart", { n: found.total.views }),
      width,
      isMarked: (_, at) => at % every === Math.floor(every / 2),
      write: (moment) => clock(moment, zone, found.step === "day" || every > 12 ? "day" : "moment"),
    });
    return [
      h("p", { class: "words" }, t("history.total", { n: found.total.views, clicks: found.total.clicks })),
      views,
      table(
        t("history.sources"),
        [t("history.sources"), t("report.views"), t("report.clicks")],
        found.sources
          .map((each) => [sourceName(each.name), sum(each.views), sum(each.clicks)])
          .sort((one, other) => other[1] + other[2] - one[1] - one[2])
          .map(([name, ...counts]) => [name, ...counts.map(number)]),
      ),
      this.ranks(found.ranks, width),
    ];
  }

  /** The places in each list, hour by hour; nothing of lists that never showed it. */
  ranks(ranks, width) {
    const shown = Object.entries(ranks).filter(([, places]) => places.some((each) => each.rank !== null));
    if (!shown.length) return h("p", { class: "soft" }, t("history.no-ranks"));
    const titles = new Map(this.context.state.lists.map((each) => [each.name, each.title || each.name]));
    return shown.map(([name, places]) =>
      h(
        "figure",
        { class: "flow" },
        h("figcaption", {}, titles.get(name) ?? name),
        rankLine(places, this.context.zone, width),
      ),
    );
  }
}

/** A line of ranks, the first at the top, broken where it was not shown. `width` in pixels. */
function rankLine(places, zone, width) {
  const [height, left, bottom] = [92, 32, 18];
  const [first, last] = [places[0].at, places.at(-1).at];
  const most = Math.max(...places.map((each) => each.rank ?? 1), 3);
  const x = (at) => left + ((width - left - 12) * (at - first)) / Math.max(1, last - first);
  const y = (rank) => 10 + ((height - bottom - 18) * (rank - 1)) / (most - 1);
  const listed = places.filter((each) => each.rank !== null);
  const path = places
    .map((each, at) => {
      if (each.rank === null) return "";
      return `${at && places[at - 1].rank !== null ? "L" : "M"}${x(each.at).toFixed(1)} ${y(each.rank).toFixed(1)}`;
    })
    .join("");
  const label = t("history.ranks", { best: Math.min(...listed.map((each) => each.rank)), n: listed.length });
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "columns" },
    [1, most]
      .map((rank) => [
        svg("line", { class: "grid", x1: left, x2: width - 8, y1: y(rank), y2: y(rank) }),
        svg("text", { class: "tick", x: left - 8, y: y(rank) + 4, "text-anchor": "end" }, number(rank)),
      ])
      .flat(),
    svg("path", { class: "curve-other", d: path }),
    listed.map((each) =>
      svg(
        "circle",
        { class: "dot best", cx: x(each.at), cy: y(each.rank), r: 3 },
        svg("title", {}, `${clock(each.at, zone, "moment")}: ${t("place", { n: each.rank })}`),
      ),
    ),
    [first, last].map((at, end) =>
      svg(
        "text",
        { class: "tick", x: end ? width - 8 : left, y: height - 3, "text-anchor": end ? "end" : "start" },
        clock(at, zone, "moment"),
      ),
    ),
  );
}
