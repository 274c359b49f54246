// Where reads come from, in the page's words.

import { has, t } from "./language.js";

/** The words of a source: a list's, one that has words here, or its own name. */
export function sourceName(name) {
  if (name === null) return t("none.source");
  if (name.startsWith("list:")) return t("source.list", { list: name.slice(5) });
  return has(`source.${name}`) ? t(`source.${name}`) : name;
}
