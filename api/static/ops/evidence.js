// What tuning found in the site's own past: which half-life would have shown readers what they went on to read.

import { ask } from "./api.js";
import { $, h, put } from "./dom.js";
import { bar } from "./draw.js";
import { clock, decimal, percent, span, written } from "./format.js";
import { frontWords, halfLifeName, plot } from "./front.js";
import { t } from "./language.js";

const NIGHTS = 30;

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
    if (list.kind !== "ranked") return [h("p", { class: "empty" }, t("evidence.other"))];
    return [
      h("p", night ? { class: "empty", lang: "en" } : { class: "empty" }, night ? night.why : t("evidence.none")),
      h("pre", { tabindex: 0, "aria-label": t("evidence.command") }, `populer tune --list ${list.name}`),
      h("p", { class: "soft" }, h("code", {}, 'half_life = "auto"'), " ", t("evidence.auto")),
    ];
  }

  drawn(night, nights, zone) {
    const tried = [...night.trials].sort((a, b) => (a.half_life_s ?? Infinity) - (b.half_life_s ?? Infinity));
    const marks = this.marks(night, tried);
    return [
      h("p", { class: "words" }, this.stands(night, marks)),
      h("p", { class: "soft", lang: "en" }, night.why),
      plot(night, tried, marks, $("evidence-body").clientWidth || 520),
      h("ul", { class: "front", "aria-label": t("front.title") }, frontWords(tried, marks)),
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          { class: "tried" },
          h("caption", { class: "unseen" }, t("evidence.tried")),
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ["half-life", "caught", "changes", ""].map((each) =>
                h(
                  "th",
                  { scope: "col" },
                  each ? t(`evidence.${each}`) : h("span", { class: "unseen" }, t("evidence.try")),
                ),
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
      nights.length > 1 ? h("h3", {}, t("evidence.nights")) : null,
      nights.length > 1
        ? h(
            "ol",
            { class: "trail" },
            nights.map((each) =>
              h(
                "li",
                {},
                h("time", { datetime: new Date(1000 * each.at).toISOString() }, clock(each.at, zone, "moment")),
                h(
                  "span",
                  {},
                  h(
                    "b",
                    {},
                    each.moved
                      ? `${span(each.before.half_life_s)} → ${span(each.after.half_life_s)}`
                      : t("evidence.stays", { half: span(each.after.half_life_s) }),
                  ),
                  h("span", { class: "soft", lang: "en" }, ` ${each.why}`),
                ),
              ),
            ),
          )
        : null,
    ];
  }

  /** Why the half-life stands where it stands: how it did, beside the best that was tried. */
  stands(night, marks) {
    const now = [...marks].find(([trial, mark]) => trial && mark.isInEffect)?.[0];
    const best = [...marks].find(([, mark]) => mark.isBest)[0];
    const half = span(night.after.half_life_s);
    if (night.pinned) return t("stands.pinned", { half });
    if (!now) return t("stands.untried", { half });
    const shares = { half, caught: percent(now.capture), best: halfLifeName(best), most: percent(best.capture) };
    if (now === best) return t("stands.best", shares);
    const isWithin = best.interval && now.capture >= best.interval[0];
    return t(isWithin ? "stands.noise" : "stands.bounds", shares);
  }

  /** How it was found out. */
  method(night, zone) {
    return t("evidence.method", {
      k: night.k,
      n: night.steps,
      days: night.days,
      from: clock(night.first, zone, "moment"),
      to: clock(night.at, zone, "moment"),
      horizon: span(night.horizon_s),
    });
  }

  /** What is to be said of a trial: the best, what was in effect, what is now. */
  marks(night, tried) {
    const allowed = tried.filter((each) => night.accepted === null || each.changed <= night.accepted);
    const best = (allowed.length ? allowed : tried).reduce((one, other) => (other.capture > one.capture ? other : one));
    const nearest = (wanted) =>
      tried.filter((each) => each.half_life_s).find((each) => Math.abs(Math.log(each.half_life_s / wanted)) < 0.01);
    const now = nearest(night.after.half_life_s);
    const isBoth = best === now;
    return new Map([
      [now, { isInEffect: true, isBest: false, text: t("evidence.in-effect") }],
      [best, { isInEffect: isBoth, isBest: true, text: t(isBoth ? "evidence.best-in-effect" : "evidence.best") }],
    ]);
  }

  line(each, marks) {
    const name = halfLifeName(each);
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
              "aria-label": t("evidence.try-one", { half: name }),
              onclick: () => this.context.tuning.take({ half_life: written(each.half_life_s) }),
            },
            t("evidence.try"),
          );
    return h(
      "tr",
      { class: said?.isBest ? "best" : "" },
      h(
        "th",
        { scope: "row" },
        name,
        said ? h("span", { class: said.isBest ? "badge" : "badge dim" }, said.text) : null,
      ),
      h("td", {}, this.caught(each)),
      h("td", {}, decimal(each.changed)),
      h("td", {}, attempt),
    );
  }

  caught({ capture, interval }) {
    const between = interval
      ? `, ${t("evidence.between", { low: percent(interval[0]), high: percent(interval[1]) })}`
      : "";
    return bar(capture, percent(capture), `${percent(capture)}${between}`);
  }
}
