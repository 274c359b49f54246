// Who is signed in, at which site. The key is asked for, tried, and kept by the tab until it is signed out.

import { ask, forgetAll, keep, known } from "./api.js";
import { $, h, put, show } from "./dom.js";
import { LANGUAGES, current, languageOf, speak, t } from "./language.js";

const AGAIN_MS = 5_000;

export class Session {
  /** `begin` is called with the state that a key was answered with, `end` when nobody is signed in any more. */
  constructor({ begin, end, trouble }) {
    Object.assign(this, { begin, end, trouble });
    this.site = $("site").value;
    $("sign-in-form").addEventListener("submit", (event) => this.submit(event));
    $("site").addEventListener("change", () => this.start());
    $("sign-out").addEventListener("click", () => {
      forgetAll();
      this.signedOut();
    });
    $("language").addEventListener("change", () => {
      const address = new URL(location.href);
      address.searchParams.set("lang", $("language").value);
      location.replace(address);
    });
  }

  /** Speak the language of the address, or of the site. */
  async speak() {
    const wanted = new URLSearchParams(location.search).get("lang");
    await speak(languageOf(wanted ?? $("site").selectedOptions[0].dataset.locale));
    put(
      $("language"),
      Object.entries(LANGUAGES).map(([value, name]) => h("option", { value, lang: value }, name)),
    );
    $("language").value = current();
  }

  /** Show a site: with the key that it is known by, else with that of the site before, which may be the same. */
  async start() {
    const before = this.site;
    const site = $("site").value;
    await this.speak();
    for (const key of new Set([known(site), known(before)].filter(Boolean))) {
      try {
        await this.signIn(site, key);
        return;
      } catch (error) {
        if (!error.isKeyRefused) {
          this.trouble(error);
          setTimeout(() => this.start(), AGAIN_MS);
          return;
        }
      }
    }
    this.signedOut();
  }

  async signIn(site, key) {
    const state = await ask("v1/ops/state", { site, key });
    keep(site, key);
    this.site = site;
    show($("sign-in"), false);
    show($("desk"));
    show($("sign-out"));
    $("key").value = "";
    this.begin(state);
  }

  async submit(event) {
    event.preventDefault();
    const button = event.submitter ?? $("sign-in-form").querySelector("button");
    button.disabled = true;
    try {
      await this.signIn($("site").value, $("key").value.trim());
    } catch (error) {
      const words = { 401: t("sign-in.unknown"), 403: t("sign-in.write") };
      $("sign-in-fault").textContent = words[error.status] ?? error.message;
      $("key").select();
    } finally {
      button.disabled = false;
    }
  }

  signedOut(text = "") {
    this.end();
    show($("desk"), false);
    show($("sign-out"), false);
    show($("standing"), false);
    if ($("item").open) $("item").close();
    show($("sign-in"));
    $("sign-in-fault").textContent = text;
    $("key").focus(); // what somebody has typed while the page was still loading stays
  }
}
