// Where reads come from, in the page's words.

import { has, t } from "./language.js";

/** The words of a source: none, a list, where a visit began, or else its own name. */
export function sourceName(name) {
  if (name === null) return t("none.source");
  const [kind, rest] = name.split(":");
  if (kind === "list") return t("source.list", { list: rest });
  return kind === "ref" && has(`ref.${rest}`) ? t(`ref.${rest}`) : name;
}
