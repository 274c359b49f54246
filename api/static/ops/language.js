// The page's language: the site's, unless the address says another (`?lang=`). The words of each are a file of their own.

export const LANGUAGES = { id: "Bahasa Indonesia", en: "English", ms: "Bahasa Melayu" };
const LOCALES = { id: "id-ID", en: "en-GB", ms: "ms-MY" };

let words = {};
let language = "en";

export const current = () => language;
export const locale = () => LOCALES[language];

/** The language of a site's locale, such as `ms-MY`; English where there are no words of it. */
export function languageOf(text) {
  const found = text.replace("-", "_").split("_")[0].toLowerCase();
  return found in LANGUAGES ? found : "en";
}

/** Say everything in a language from now on. */
export async function speak(wanted) {
  words = (await import(`./words-${wanted}.js`)).default;
  language = wanted;
  document.documentElement.lang = wanted;
  document.title = t("page.title");
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = t(each.dataset.word);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", t(each.dataset.label));
  for (const each of document.querySelectorAll("[data-hint]")) each.placeholder = t(each.dataset.hint);
}

export const has = (key) => key in words;

/**
 * The words of a key, with values in place of `{name}`. A number is written as the language writes it; `n` chooses
 * between "one|many".
 */
export function t(key, values = {}) {
  const text = words[key] ?? key;
  const forms = text.split("|");
  const form = forms.length > 1 && values.n !== 1 ? forms[1] : forms[0];
  return form.replace(/\{(\w+)\}/g, (all, name) =>
    typeof values[name] === "number" ? new Intl.NumberFormat(locale()).format(values[name]) : (values[name] ?? all),
  );
}

/** The words of a name that the service gives: those of `group.name`, or else the name itself. */
export const named = (group, name) => (has(`${group}.${name}`) ? t(`${group}.${name}`) : name);
