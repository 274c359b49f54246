// An item's page: what it is, why it is at its rank, and what an editor can say of it.

import { $, h, picture, put } from "./dom.js";
import { clock } from "./format.js";
import { ItemHistory } from "./history.js";
import { whyOf } from "./item.js";
import { t } from "./language.js";
import { parameters } from "./places.js";
import { forms } from "./say.js";

export class Article {
  constructor(context) {
    this.context = context;
  }

  async enter() {
    const { context } = this;
    const id = parameters().get("id");
    if (!id) return context.places.go("lists");
    this.id = id;
    try {
      const [described, { title, why }] = await Promise.all([
        context.catalogue.pinnable(id, context.list.name),
        whyOf(id, context),
      ]);
      if (this.id !== id || context.places.page !== "item") return;
      const item = described ?? { id, title };
      put(
        $("article"),
        this.head(item),
        (this.history = this.history?.id === id ? this.history : new ItemHistory(context, id)).element,
        h(
          "div",
          { class: "two" },
          h(
            "section",
            { class: "card", "aria-labelledby": "why-title" },
            h("h2", { id: "why-title" }, t("why.title", { list: context.list.title || context.list.name })),
            h("div", { class: "why" }, why),
          ),
          h(
            "section",
            { class: "card", "aria-label": t("say.title") },
            forms(id, described, context, () => {}),
          ),
        ),
      );
    } catch (error) {
      context.failed(error);
    }
  }

  head(item) {
    const { zone } = this.context;
    const moment = item.published_at ?? item.first_seen;
    const about = [
      item.section,
      item.author,
      moment && t("why.published-at", { moment: clock(moment, zone, "moment") }),
    ];
    return h(
      "section",
      { class: "card article", "aria-labelledby": "article-title" },
      picture(item),
      h(
        "div",
        { class: "what" },
        h("h2", { id: "article-title", dir: "auto" }, item.title || item.id),
        h(
          "p",
          { class: "meta" },
          about.filter(Boolean).map((each) => h("span", {}, each)),
        ),
        /^https?:/.test(item.url ?? "")
          ? h("a", { href: item.url, target: "_blank", rel: "noopener noreferrer" }, t("item.open"))
          : null,
      ),
    );
  }
}
