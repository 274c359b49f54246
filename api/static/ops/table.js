// A table: its first column names the row, the others are figures.

import { h } from "./dom.js";

export const table = (caption, head, rows) =>
  h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
    h(
      "table",
      { class: "top-of" },
      h("caption", { class: "unseen" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((each) => h("th", { scope: "col" }, each)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(([name, ...cells]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            cells.map((each) => h("td", {}, each)),
          ),
        ),
      ),
    ),
  );
