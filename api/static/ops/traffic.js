// Events of the last hour by the minute: what counted, by kind, and what did not, by reason.

import { $, h, put } from "./dom.js";
import { columns } from "./draw.js";
import { clock } from "./format.js";
import { named, t } from "./language.js";

export function traffic(found, zone) {
  const names = Object.keys(found.events);
  const width = $("traffic").clientWidth || 560;
  const total = (name) => found.events[name].reduce((sum, count) => sum + count, 0);
  const kinds = names.filter((name) => !name.startsWith("!")).sort((a, b) => total(b) - total(a));
  const reasons = names.filter((name) => name.startsWith("!")).sort((a, b) => total(b) - total(a));
  const part = (title, some, style, words) => {
    const series = some.map((name, at) => [words(name), `${style}${Math.min(at, 5)}`, found.events[name]]);
    const last = found.minutes.length - 2; // the present minute has only begun
    const all = some.reduce((sum, name) => sum + total(name), 0);
    return h(
      "figure",
      { class: "flow" },
      h("figcaption", {}, title),
      columns(found.minutes, series, {
        label: t("traffic.chart", { title, n: all }),
        width,
        isMarked: (minute) => minute % (width < 400 ? 1200 : 900) === 0,
        write: (minute) => clock(minute, zone),
      }),
      h(
        "table",
        { class: "legend" },
        h("caption", { class: "unseen" }, t("traffic.table", { title })),
        h(
          "thead",
          { class: "unseen" },
          h(
            "tr",
            {},
            ["name", "minute", "hour"].map((each) => h("th", { scope: "col" }, t(`traffic.${each}`))),
          ),
        ),
        h(
          "tbody",
          {},
          series.map(([name, key, counts]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, h("i", { class: key, "aria-hidden": "true" }), name),
              h("td", {}, t("traffic.a-minute", { n: counts[last] ?? 0 })),
              h("td", {}, t("traffic.an-hour", { n: counts.reduce((sum, count) => sum + count, 0) })),
            ),
          ),
        ),
      ),
    );
  };
  put($("traffic"), [
    kinds.length
      ? part(t("traffic.counted"), kinds, "k", (name) => named("kinds", name))
      : h("p", { class: "empty" }, t("traffic.none")),
    reasons.length
      ? part(t("traffic.left-out"), reasons, "r", (name) => named("reason", name.slice(1)))
      : h("p", { class: "soft" }, t("traffic.all")),
  ]);
}
