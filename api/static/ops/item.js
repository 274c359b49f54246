// One item beside the list: why it is at its rank, and what an editor can say of it. Its page has the rest.

import { ask } from "./api.js";
import { $, h, put } from "./dom.js";
import { t } from "./language.js";
import { forms } from "./say.js";
import { explained } from "./why.js";

/** Why an item is at its rank in the list that is looked at, as elements, and its title. */
export async function whyOf(id, context) {
  const { site, list, section } = context;
  try {
    const found = await ask(`v1/items/${encodeURIComponent(id)}/explain`, {
      site,
      query: { list: list.name, section },
    });
    await context.catalogue.learn([found.above?.item, found.below?.item]);
    return { title: found.title, why: explained(found, context) };
  } catch (error) {
    const text = error.status === 404 ? t("item.unknown") : error.message;
    return { title: "", why: [h("p", { class: error.status === 404 ? "soft" : "fault" }, text)] };
  }
}

export class Item {
  constructor(context) {
    this.context = context;
    this.dialog = $("item");
    $("item-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => {
      this.id = null; // who had the keyboard gets it back, also where the list was drawn anew meanwhile
      if (this.from)
        document.querySelector(`#desk [data-key="${CSS.escape(this.from)}"]`)?.focus({ preventScroll: true });
    });
  }

  /** Open an item's panel; `what`: the name of a form to go to. */
  async open({ id, title }, what) {
    const { context } = this;
    this.id = id;
    if (!this.dialog.open) this.from = document.activeElement?.dataset.key;
    $("item-title").textContent = title || id;
    const why = h("div", { class: "why" }, h("p", { class: "soft" }, t("item.asking")));
    const said = h("div", {});
    const page = h(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: () => {
          this.dialog.close();
          context.places.go("item", { id });
        },
      },
      t("item.page"),
    );
    put($("item-body"), page, why, said);
    if (!this.dialog.open) this.dialog.showModal();
    await Promise.all([this.say(id, said, what), this.explain(id, why)]);
    if (this.id === id && what) said.querySelector(`form[data-what="${what}"]`)?.scrollIntoView({ block: "nearest" });
  }

  async explain(id, place) {
    const { title, why } = await whyOf(id, this.context);
    if (this.id !== id) return;
    if (title) $("item-title").textContent = title;
    put(place, why);
  }

  async say(id, place, what) {
    let described = null;
    try {
      described = await this.context.catalogue.pinnable(id, this.context.list.name);
    } catch {
      described = { pin_refused: null }; // the pin itself says what is wrong
    }
    if (this.id !== id) return;
    put(
      place,
      forms(id, described, this.context, () => this.dialog.close()),
    );
    if (what) place.querySelector(`form[data-what="${what}"] select`)?.focus();
  }
}
