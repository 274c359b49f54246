// What an editor can say of an item: pin, boost, block, void. What cannot be is refused before it is made.

import { h } from "./dom.js";
import { span } from "./format.js";
import { t } from "./language.js";

const [M, H, D] = [60, 3600, 86400];
const SPANS = [H, 3 * H, 12 * H, D, 7 * D];
const VOIDED = [15 * M, ...SPANS];

const field = (label, input) => h("label", {}, t(label), input);
const choice = (label, name, options) =>
  field(
    label,
    h(
      "select",
      { name },
      options.map(([value, text]) => h("option", { value }, text)),
    ),
  );
const until = () =>
  choice("say.for", "until", [["", t("say.lifted")], ...SPANS.map((each) => [String(each), span(each)])]);
const ends = (data) => (data.get("until") ? Date.now() / 1000 + Number(data.get("until")) : null);

/** The forms, for an item as the catalogue has it (`pin_refused`; null: not described). `done`: what comes after. */
export function forms(id, described, context, done) {
  const { list } = context;
  const section = context.section || null;
  const path = encodeURIComponent(id);
  const refused = described
    ? described.pin_refused
    : context.live.items.some((each) => each.id === id)
      ? null
      : "unknown";
  const form = (what, fields, does, hint, why = null) =>
    h(
      "form",
      {
        class: "say",
        "data-what": what,
        "aria-label": t(`say.${what}`),
        onsubmit: (event) => {
          event.preventDefault();
          const button = event.submitter ?? event.target.querySelector("button");
          if (why) return;
          context.desk.change(button, does(new FormData(event.target)), done);
        },
      },
      fields,
      h("button", { disabled: Boolean(why) }, t(`say.${what}`)),
      h("p", { class: why ? "fault" : "soft" }, why ?? hint),
    );
  const place = h("input", { name: "position", type: "number", min: 1, max: list.depth, value: 1, required: true });
  place.addEventListener("input", () =>
    place.setCustomValidity(place.validity.rangeOverflow ? t("refused.depth", { depth: list.depth }) : ""),
  );
  const pin = form(
    "pin",
    [field("say.place", place), until()],
    (data) => ({
      method: "PUT",
      path: `v1/lists/${list.name}/pins/${path}`,
      body: { position: Number(data.get("position")), until: ends(data), section },
      says: t("pinned.at", { n: Number(data.get("position")) }),
    }),
    section ? t("say.pin.section", { section }) : t("say.pin.about"),
    refused ? t(`refused.${refused}`) : null,
  );
  const boost = form(
    "boost",
    [
      field(
        "say.factor",
        h("input", { name: "factor", type: "number", min: 0.1, max: 10, step: 0.1, value: 1.5, required: true }),
      ),
      until(),
    ],
    (data) => ({
      method: "PUT",
      path: `v1/lists/${list.name}/boosts/${path}`,
      body: { factor: Number(data.get("factor")), until: ends(data) },
      says: t("boosted", { factor: data.get("factor") }),
    }),
    t("say.boost.about"),
  );
  const block = form(
    "block",
    [field("say.reason", h("input", { name: "reason", maxlength: 500, placeholder: t("say.optional") })), until()],
    (data) => ({
      method: "PUT",
      path: `v1/blocks/${path}`,
      body: { reason: data.get("reason") || null, until: ends(data) },
      says: t("blocked"),
    }),
    t("say.block.about"),
  );
  const voiding = form(
    "void",
    [
      choice("say.of", "kind", [
        ["", t("say.all")],
        ["view", t("say.views")],
        ["click", t("say.clicks")],
      ]),
      choice(
        "say.since",
        "since",
        VOIDED.map((each) => [String(each), span(each)]),
      ),
      choice("say.to", "to", [
        ["now", t("say.no-later")],
        ["", t("say.later")],
      ]),
    ],
    (data) => {
      const now = Date.now() / 1000;
      const kind = data.get("kind");
      return {
        method: "POST",
        path: `v1/items/${path}/voids`,
        body: { from: now - Number(data.get("since")), to: data.get("to") ? now : null, kinds: kind ? [kind] : [] },
        says: t("voided"),
      };
    },
    t("say.void.about"),
  );
  return h(
    "section",
    { class: "says-what", "aria-label": t("say.title") },
    list.kind === "latest" ? [pin, block, voiding] : [pin, boost, block, voiding],
  );
}
