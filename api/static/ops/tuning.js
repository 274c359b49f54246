// The list as it would be, beside the live one. One question is on its way at a time and the latest waits behind it, so
// answers cannot overtake each other.

import { ask } from "./api.js";
import { Controls, toml } from "./controls.js";
import { $, put, tell } from "./dom.js";
import { curves } from "./draw.js";
import { Effect } from "./effect.js";
import { forgets, learned } from "./forgets.js";
import { t } from "./language.js";
import { moved, row } from "./live.js";

const PAUSE_MS = 60;

export class Tuning {
  constructor(context) {
    this.context = context;
    this.waiting = null;
    this.asking = false;
    this.document = null;
    this.extra = {};
    this.controls = null;
    this.effect = new Effect(context);
    $("reset").addEventListener("click", () => this.reset());
    $("copy").addEventListener("click", () => this.copy());
    addEventListener("resize", () => this.drawCurve());
    $("controls").addEventListener("submit", (event) => event.preventDefault());
  }

  /** Begin with a list as it is. */
  use(list) {
    this.extra = {};
    this.effect.forget();
    this.document = null;
    put($("proposed"));
    put($("curve"));
    $("try-words").textContent = "";
    $("live-words").textContent = learned(list, this.context.zone);
    this.controls = new Controls(list, this.context.decays, () => this.moved());
    this.moved();
  }

  /** The list's settings have changed in the service: what was tried is held against the new ones. */
  renew(list) {
    const { changes } = this;
    $("live-words").textContent = learned(list, this.context.zone);
    this.controls = new Controls(list, this.context.decays, () => this.moved());
    this.controls.take(changes);
    const left = this.controls.changes;
    if (Object.keys(changes).some((key) => !(key in left))) this.effect.came(list);
    this.moved();
  }

  /** Whether anything is tried that is not in effect. */
  get isTrying() {
    return this.controls !== null && Object.keys(this.changes).length > 0;
  }

  /** Try settings that are named elsewhere, such as those that the evidence favours. */
  take(settings) {
    this.controls.take(settings);
    const known = new Set(this.controls.all.map((each) => each.spec.key));
    this.extra = Object.fromEntries(Object.entries(settings).filter(([key]) => !known.has(key)));
    this.moved();
    $("try-title").scrollIntoView({ behavior: "smooth", block: "start" });
  }

  reset() {
    this.extra = {};
    this.controls.reset();
    this.moved();
  }

  get changes() {
    return { ...this.extra, ...this.controls.changes };
  }

  moved() {
    const { changes } = this;
    const any = Object.keys(changes).length > 0;
    $("reset").disabled = !any;
    const ends = this.context.list.learns && ("half_life" in changes || "decay" in changes);
    $("copy").disabled = !any;
    $("paste-says").textContent = t(any ? (ends ? "paste.ends" : "paste.these") : "paste.none");
    const { file, host, version } = this.context.state.config;
    $("paste-where").textContent = any ? t("paste.where", { file, host, version }) : "";
    $("toml").textContent = any ? toml(this.context.list.name, changes) : `[lists.${this.context.list.name}]`;
    this.want();
  }

  /** Ask for the list as it would be, unless a later wish comes first. */
  want() {
    if (this.context.places.page !== "settings") return;
    this.waiting = { list: this.context.list, section: this.context.section, changes: this.changes };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), PAUSE_MS);
  }

  async run() {
    if (this.asking) return;
    this.asking = true;
    try {
      while (this.waiting) {
        const wish = this.waiting;
        this.waiting = null;
        const found = await this.answer(wish);
        if (!this.waiting && wish.list.name === this.context.list.name && wish.section === this.context.section)
          this.show(found, wish);
      }
    } finally {
      this.asking = false;
    }
  }

  async answer({ list, section, changes }) {
    const body = { list: list.name, settings: changes, section, limit: this.context.live.limit };
    try {
      return await ask("v1/preview", { site: this.context.site, method: "POST", body });
    } catch (error) {
      return error;
    }
  }

  show(found, { changes }) {
    if (found instanceof Error) {
      $("try-says").textContent = found.message;
      $("try-says").classList.add("fault");
      $("proposed").classList.add("old");
      return;
    }
    this.document = found;
    $("try-says").classList.remove("fault");
    $("proposed").classList.remove("old");
    const any = Object.keys(changes).length > 0;
    $("try-words").textContent = forgets({ ...this.context.list.settings, ...changes }, found.decay.preview_words);
    this.drawCurve();
    $("try-says").textContent = any ? this.summary(found) : t("try.move");
    this.draw();
    this.context.learn(found.preview.map((entry) => entry.id)).catch(this.context.failed);
  }

  drawCurve() {
    if (!this.document) return;
    const { decay, settings } = this.document;
    const any = Object.keys(settings).length > 0;
    put($("curve"), curves(any ? decay : { ...decay, preview: null }, $("curve").clientWidth || 520));
  }

  summary(found) {
    const { size } = this.context.list;
    const shown = found.preview.slice(0, size);
    const entered = shown.filter((entry) => entry.live_rank === null || entry.live_rank > size).length;
    const other = shown.filter((entry) => entry.move !== 0).length - entered;
    const pins = this.context.pinned ? ` ${t("try.pins")}` : "";
    if (!entered && other <= 0) return t("try.same", { n: shown.length }) + pins;
    const parts = [];
    if (entered) parts.push(t("try.new", { n: entered, of: shown.length }));
    if (other > 0) parts.push(t("try.elsewhere", { n: other }));
    return parts.join(" ") + pins;
  }

  draw() {
    const found = this.document;
    if (!found) return;
    if (!Object.keys(found.settings).length) {
      put($("proposed"));
      return;
    }
    const { size } = this.context.list;
    put(
      $("proposed"),
      found.preview.map((entry, at) =>
        row(entry, {
          key: "proposed",
          cut: at === size,
          open: this.context.open,
          move: moved(entry.live_rank, entry.rank, { since: t("since.live") }),
        }),
      ),
    );
  }

  async copy() {
    try {
      await navigator.clipboard.writeText($("toml").textContent);
      tell(t("try.copied"));
    } catch {
      const range = document.createRange();
      range.selectNodeContents($("toml"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      tell(t("try.selected"));
    }
  }
}
