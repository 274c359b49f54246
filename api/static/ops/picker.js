// The lists and sections to choose from.

import { $, h, put } from "./dom.js";
import { t } from "./language.js";

/** Draw the choice; `choose` is called with the list that is chosen. */
export function drawLists(lists, context, choose) {
  put(
    $("lists"),
    lists.map((each) =>
      h(
        "button",
        {
          type: "button",
          "data-key": each.name,
          "aria-pressed": String(each.name === context.list.name),
          class: each.stale ? "stale" : "",
          onclick: () => choose(each),
        },
        each.title || each.name,
        each.stale ? h("span", { class: "badge bad" }, t("stale")) : null,
      ),
    ),
  );
  const options = () => context.list.sections.map((each) => h("option", { value: each }, each));
  put($("find-sections"), options());
  if (document.activeElement === $("section")) return;
  put($("section"), h("option", { value: "" }, t("section.all")), options());
  $("section").value = context.section;
}
