// Today: reads now beside the same hour a week ago, what moves in the lists, what is read and stands in none, and whether
// readers use the lists at all.

import { ask } from "./api.js";
import { $, h, put } from "./dom.js";
import { bar } from "./draw.js";
import { clock, decimal, number, percent, span } from "./format.js";
import { named, t } from "./language.js";
import { table } from "./table.js";

/** From here on a rise is said as a factor. */
const MANY_TIMES = 10;

export class Today {
  constructor(context) {
    this.context = context;
  }

  async refresh() {
    const { site } = this.context;
    try {
      const found = await ask("v1/reports/today", { site });
      if (site === this.context.site) put($("today"), this.cards(found));
    } catch (error) {
      if (error.status !== 503) throw error;
      put($("today"), h("p", { class: "card fault" }, error.message));
    }
  }

  card(id, ...children) {
    return h(
      "section",
      { class: "card", "aria-labelledby": `today-${id}` },
      h("h2", { id: `today-${id}` }, t(`today.${id}`)),
      children,
    );
  }

  cards(found) {
    return [
      h(
        "div",
        { class: "two" },
        this.card("now", this.now(found)),
        this.card("unlisted", this.unlisted(found.unlisted), this.outside(found.trending_outside)),
      ),
      h(
        "div",
        { class: "two" },
        this.card(
          "moves",
          found.lists.filter((each) => this.kind(each) !== "latest").map((each) => this.moves(each)),
        ),
        this.card(
          "clicks",
          h("p", { class: "soft" }, t("today.clicks-about")),
          found.lists.map((each) => this.clicks(each)),
        ),
      ),
    ];
  }

  kind(list) {
    return this.context.state.lists.find((each) => each.name === list.name)?.kind;
  }

  open(item) {
    const title = item.title || item.id;
    return h(
      "button",
      {
        type: "button",
        class: "title",
        dir: "auto",
        "data-key": `today ${item.id}`,
        onclick: () => this.context.places.go("item", { id: item.id }),
      },
      title,
    );
  }

  /** A count beside that of a week ago: "+12%". */
  change(now, before) {
    if (before === null) return "";
    if (!before) return now ? t("today.none-before") : "–";
    if (now >= MANY_TIMES * before) return h("span", { class: "move up" }, `×${number(now / before)}`);
    const share = (now - before) / before;
    const style = share > 0.005 ? "up" : share < -0.005 ? "down" : "";
    return h(
      "span",
      { class: `move ${style}` },
      `${share > 0 ? "+" : share < 0 ? "−" : ""}${percent(Math.abs(share))}`,
    );
  }

  now({ hour, sections }) {
    const { zone } = this.context;
    const before = hour.week_ago?.views ?? null;
    return [
      h("p", { class: "figure" }, h("b", {}, number(hour.views)), " ", this.change(hour.views, before)),
      h(
        "p",
        { class: "soft" },
        t("today.hour", { from: clock(hour.from, zone), to: clock(hour.to, zone), n: hour.views }),
        " ",
        before === null ? t("today.no-week") : t("today.week", { n: before }),
      ),
      table(
        t("today.now"),
        [t("section"), t("report.views"), t("today.week-ago"), t("today.change")],
        sections.map((each) => [
          each.name ?? t("none.section"),
          number(each.views),
          each.week_ago_views === null ? "–" : number(each.week_ago_views),
          this.change(each.views, each.week_ago_views),
        ]),
      ),
    ];
  }

  titleOf(name) {
    return this.context.state.lists.find((each) => each.name === name)?.title || name;
  }

  /** What trends over the whole site while the lists of its own section do not have it. */
  outside(items) {
    if (!items.length) return null;
    const line = (each) => {
      const where = t("today.outside-of", { list: this.titleOf(each.list), section: each.section ?? "" });
      return h("li", {}, h("div", { class: "what" }, this.open(each), h("p", { class: "meta" }, where)));
    };
    return [h("h3", {}, t("today.outside")), h("ul", { class: "force" }, items.map(line))];
  }

  unlisted(items) {
    if (!items.length) return h("p", { class: "empty" }, t("today.all-listed"));
    const why = ([name, reason]) => {
      const words =
        reason.rule === "listed"
          ? t(reason.rank ? "today.others-at" : "today.others", { n: reason.rank })
          : named("rule", reason.rule);
      return h("li", {}, `${this.titleOf(name)}: ${words}`);
    };
    return h(
      "ul",
      { class: "force" },
      items.map((each) =>
        h(
          "li",
          {},
          h(
            "div",
            { class: "what" },
            this.open(each),
            h("p", { class: "meta" }, t("views", { n: each.views, count: number(each.views) })),
            h("ul", { class: "reasons" }, Object.entries(each.reasons).map(why)),
          ),
        ),
      ),
    );
  }

  moves(list) {
    const part = (name) =>
      list[name].length
        ? [
            h("h4", {}, t(`today.${name}`)),
            h(
              "ul",
              { class: "moved" },
              list[name].map((each) =>
                h(
                  "li",
                  {},
                  this.open(each),
                  h("span", { class: "soft" }, ` ${each.previous_rank ?? "–"} → ${each.rank ?? "–"}`),
                ),
              ),
            ),
          ]
        : null;
    const parts = ["entering", "rising", "leaving"].map(part).filter(Boolean).flat();
    return h(
      "div",
      {},
      h("h3", {}, t("today.since", { list: list.title || list.name, span: span(list.movement_s) })),
      parts.length ? parts : h("p", { class: "empty" }, t("today.still")),
    );
  }

  /** Clicks in a list by place, each as a share of the list's. */
  clicks({ name, title, clicks }) {
    const share = clicks.share_of_views;
    return h(
      "div",
      {},
      h("h3", {}, title || name),
      clicks.clicks
        ? [
            h("p", {}, t("today.used", { n: clicks.clicks, share: share === null ? "–" : `${decimal(100 * share)}%` })),
            table(
              t("today.clicks"),
              [t("say.place"), t("report.clicks"), t("ranges.share")],
              clicks.places.map((each) => [
                each.place === null ? t("today.no-place") : number(each.place),
                number(each.clicks),
                bar(each.share, percent(each.share)),
              ]),
            ),
          ]
        : h("p", { class: "empty" }, t("today.unused")),
    );
  }
}
