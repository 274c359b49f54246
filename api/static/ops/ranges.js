// What was read in a range of time: articles, sections, authors, tags or sources. The address says which, so that the same
// can be seen again and sent on.

import { ask, download } from "./api.js";
import { $, h, put, tell } from "./dom.js";
import { bar } from "./draw.js";
import { clock, number, percent } from "./format.js";
import { t } from "./language.js";
import { parameters } from "./places.js";
import { sourceName } from "./sources.js";
import { table } from "./table.js";

const [H, D] = [3600, 86400];
const SPANS = { hour: H, day: D, week: 7 * D, month: 30 * D };
const BY = ["item", "section", "author", "tag", "source"];
const ROWS = 50;

export class Ranges {
  constructor(context) {
    this.context = context;
    this.asking = 0;
  }

  /** What is looked at, as the address says it. */
  get wish() {
    const wanted = parameters();
    const [from, to] = [wanted.get("from"), wanted.get("to")];
    const span = from || to ? "own" : wanted.get("span") in SPANS ? wanted.get("span") : "day";
    return { span, from, to, by: BY.includes(wanted.get("by")) ? wanted.get("by") : "item" };
  }

  get query() {
    const { span, from, to, by } = this.wish;
    const since = span === "own" ? from : String(Date.now() / 1000 - SPANS[span]);
    return { from: since, to: span === "own" ? to : null, by, limit: String(ROWS) };
  }

  go(changes) {
    const { span, from, to, by } = { ...this.wish, ...changes };
    const isOwn = span === "own";
    this.context.places.note({ span: isOwn ? "" : span, from: isOwn ? from : "", to: isOwn ? to : "", by });
    this.enter();
  }

  async enter() {
    const mine = ++this.asking;
    put($("ranges"), this.frame(h("p", { class: "soft" }, t("ranges.asking"))));
    let body;
    try {
      const found = await ask("v1/reports/top", { site: this.context.site, query: this.query });
      body = this.report(found);
    } catch (error) {
      if (error.isKeyRefused) return this.context.failed(error);
      body = h("p", { class: "fault", role: "alert" }, error.message);
    }
    if (mine === this.asking) put($("ranges").querySelector(".report"), body);
  }

  frame(body) {
    const { wish } = this;
    const choice = (text, isChosen, changes) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(isChosen), "data-key": text, onclick: () => this.go(changes) },
        text,
      );
    return h(
      "section",
      { class: "card", "aria-labelledby": "ranges-title" },
      h("header", {}, h("h2", { id: "ranges-title" }, t("ranges.title"))),
      h(
        "div",
        { class: "pick" },
        h(
          "div",
          { class: "tabs", role: "group", "aria-label": t("ranges.span") },
          Object.keys(SPANS).map((each) => choice(t(`span.${each}`), each === wish.span, { span: each })),
        ),
        h(
          "div",
          { class: "tabs", role: "group", "aria-label": t("ranges.by") },
          BY.map((each) => choice(t(`by.${each}`), each === wish.by, { by: each })),
        ),
      ),
      this.dates(wish),
      h("div", { class: "report", "aria-live": "polite" }, body),
    );
  }

  /** Own dates, by the site's clock. */
  dates({ from, to }) {
    const field = (name, value) =>
      h(
        "label",
        {},
        t(`ranges.${name}`),
        h("input", { type: "datetime-local", name, value: /^\d{4}-\d\d-\d\dT\d\d:\d\d/.exec(value ?? "")?.[0] ?? "" }),
      );
    return h(
      "form",
      {
        class: "dates",
        "aria-label": t("ranges.own"),
        onsubmit: (event) => {
          event.preventDefault();
          const given = new FormData(event.target);
          if (given.get("from")) this.go({ span: "own", from: given.get("from"), to: given.get("to") });
        },
      },
      field("from", from),
      field("to", to),
      h("button", {}, t("ranges.show")),
    );
  }

  report(found) {
    const { zone, places } = this.context;
    const most = Math.max(1, ...found.rows.map((each) => each.views));
    const name = (each) =>
      found.by === "item"
        ? h(
            "button",
            { type: "button", class: "title", dir: "auto", onclick: () => places.go("item", { id: each.id }) },
            each.title || each.id,
          )
        : h("bdi", {}, found.by === "source" ? sourceName(each.name) : (each.name ?? t(`none.${found.by}`)));
    const range = { from: clock(found.from, zone, "moment"), to: clock(found.to, zone, "moment") };
    const wanted = new URLSearchParams({ page: "ranges", from: found.from, to: found.to, by: found.by });
    return h(
      "div",
      {},
      h(
        "p",
        { class: "words" },
        t("ranges.total", { ...range, n: found.total.views, clicks: found.total.clicks }),
        found.unknown?.views ? ` ${t("ranges.unknown", { n: found.unknown.views })}` : "",
      ),
      found.rows.length
        ? table(
            t("ranges.title"),
            [t(`by.${found.by}`), t("ranges.share"), t("report.views"), t("report.clicks")],
            found.rows.map((each) => [
              [name(each), each.section ? h("p", { class: "meta" }, each.section) : null],
              percent(each.views / Math.max(1, found.total.views)),
              bar(each.views / most, number(each.views)),
              number(each.clicks),
            ]),
          )
        : h("p", { class: "empty" }, t("ranges.none")),
      h(
        "p",
        { class: "links" },
        h("button", { type: "button", onclick: (event) => this.save(event.currentTarget) }, t("csv")),
        h("a", { href: `#${wanted}` }, t("permalink")),
      ),
    );
  }

  async save(button) {
    button.disabled = true;
    try {
      await download("v1/reports/top", { site: this.context.site, query: { ...this.query, format: "csv" } });
    } catch (error) {
      tell(error.message);
    } finally {
      button.disabled = false;
    }
  }
}
