// One item: why it is at its rank, and what an editor can say of it.

import { ask } from "./api.js";
import { $, h, put } from "./dom.js";
import { explained } from "./why.js";

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
    const { site, list, section } = this.context;
    this.id = id;
    if (!this.dialog.open) this.from = document.activeElement?.dataset.key;
    $("item-title").textContent = title || id;
    put($("item-body"), h("p", { class: "soft" }, "Asking why…"), this.say(id, list));
    if (!this.dialog.open) this.dialog.showModal();
    const wanted = what && this.dialog.querySelector(`form[data-what="${what}"]`);
    wanted?.querySelector("select").focus();
    let why;
    try {
      const found = await ask(`v1/items/${encodeURIComponent(id)}/explain`, {
        site,
        query: { list: list.name, section },
      });
      if (this.id === id) $("item-title").textContent = found.title;
      why = explained(found, this.context);
    } catch (error) {
      why = [h("p", { class: error.status === 404 ? "soft" : "fault" }, error.message)];
    }
    if (this.id === id) $("item-body").firstChild.replaceWith(h("div", { class: "why" }, why));
    if (this.id === id) wanted?.scrollIntoView({ block: "nearest" }); // what was found has pushed it down
  }

  /** What an editor can say. */
  say(id, list) {
    const form = (name, fields, button, does, hint) =>
      h(
        "form",
        {
          class: "say",
          "data-what": name.toLowerCase(),
          "aria-label": name,
          onsubmit: (event) => {
            event.preventDefault();
            this.context.desk.change(
              event.submitter ?? event.target.querySelector("button"),
              does(new FormData(event.target)),
              () => this.dialog.close(),
            );
          },
        },
        fields,
        h("button", {}, button),
        h("p", { class: "soft" }, hint),
      );
    const until = (suffix) =>
      h(
        "label",
        {},
        "for",
        h(
          "select",
          { name: "until", id: `until-${suffix}` },
          [
            ["", "until lifted"],
            ["3600", "1 hour"],
            ["10800", "3 hours"],
            ["43200", "12 hours"],
            ["86400", "1 day"],
            ["604800", "7 days"],
          ].map(([value, text]) => h("option", { value }, text)),
        ),
      );
    const ends = (data) => (data.get("until") ? Date.now() / 1000 + Number(data.get("until")) : null);
    const item = encodeURIComponent(id);
    const section = this.context.section || null;
    const forms = [
      form(
        "Pin",
        [
          h(
            "label",
            {},
            "Place",
            h("input", { name: "position", type: "number", min: 1, max: 1000, value: 1, required: true }),
          ),
          until("pin"),
        ],
        "Pin",
        (data) => ({
          method: "PUT",
          path: `v1/lists/${list.name}/pins/${item}`,
          body: { position: Number(data.get("position")), until: ends(data), section },
          says: `Pinned at ${data.get("position")}.`,
        }),
        section ? `It has exactly that place in ${section}.` : "It has exactly that place, ranked or not.",
      ),
    ];
    if (list.kind !== "latest") {
      forms.push(
        form(
          "Boost",
          [
            h(
              "label",
              {},
              "Score ×",
              h("input", { name: "factor", type: "number", min: 0.1, max: 10, step: 0.1, value: 1.5, required: true }),
            ),
            until("boost"),
          ],
          "Boost",
          (data) => ({
            method: "PUT",
            path: `v1/lists/${list.name}/boosts/${item}`,
            body: { factor: Number(data.get("factor")), until: ends(data) },
            says: `Boosted ×${data.get("factor")}.`,
          }),
          "Above 1 it rises, below 1 it falls; readers move it still.",
        ),
      );
    }
    forms.push(
      form(
        "Block",
        [
          h("label", {}, "Because", h("input", { name: "reason", maxlength: 500, placeholder: "optional" })),
          until("block"),
        ],
        "Block",
        (data) => ({
          method: "PUT",
          path: `v1/blocks/${item}`,
          body: { reason: data.get("reason") || null, until: ends(data) },
          says: "Blocked.",
        }),
        "It is in no list of the site, on the next read.",
      ),
    );
    const choice = (label, name, options) =>
      h("label", {}, label, h("select", { name }, options.map(([value, text]) => h("option", { value }, text))));
    forms.push(
      form(
        "Void",
        [
          choice("Of", "kind", [
            ["", "all events"],
            ["view", "views"],
            ["click", "clicks"],
          ]),
          choice("of the last", "since", [
            ["900", "15 minutes"],
            ["3600", "1 hour"],
            ["10800", "3 hours"],
            ["43200", "12 hours"],
            ["86400", "1 day"],
            ["604800", "7 days"],
          ]),
          choice("and", "to", [
            ["now", "no later ones"],
            ["", "all that come"],
          ]),
        ],
        "Void",
        (data) => {
          const now = Date.now() / 1000;
          const kind = data.get("kind");
          return {
            method: "POST",
            path: `v1/items/${item}/voids`,
            body: {
              from: now - Number(data.get("since")),
              to: data.get("to") ? now : null,
              kinds: kind ? [kind] : [],
            },
            says: "Void, from the next refresh on.",
          };
        },
        "They weigh nothing in any list, from the next refresh on; lift it to count them again.",
      ),
    );
    return h("section", { class: "says-what", "aria-label": "What editors can say" }, forms);
  }
}
