// A list's settings as sliders and choices. One that is put back to what it is is no change.

import { $, h, put } from "./dom.js";
import { named, t } from "./language.js";
import { NONE, OFF, STEPS, clamp, place, settingsOf, spanAt } from "./tunable.js";
import { percent, seconds, span, written } from "./format.js";

class Control {
  constructor(spec, list, changed) {
    this.spec = spec;
    this.list = list;
    this.live = spec.weight
      ? (list.settings.weights[spec.weight] ?? 0)
      : spec.kind === "span"
        ? seconds(list.settings[spec.key])
        : list.settings[spec.key];
    this.value = this.live;
    this.changed = changed;
    this.build();
  }

  build() {
    const { spec } = this;
    const id = `set-${spec.key}`;
    this.output = h("output", { for: id });
    const take = () => {
      this.value = this.read();
      this.say();
      this.changed();
    };
    if (spec.kind === "choice") {
      this.input = h(
        "select",
        { id, oninput: take },
        spec.of.map(([value, text]) => h("option", { value }, text ?? named(`set.${spec.key}`, value))),
      );
    } else {
      const range =
        spec.kind === "span"
          ? [spec.off ? OFF : 0, spec.none ? NONE : STEPS, 1]
          : [spec.from, Math.max(spec.to, this.live), spec.step];
      this.input = h("input", {
        id,
        type: "range",
        min: range[0],
        max: range[1],
        step: range[2],
        oninput: take,
        onkeydown: (event) => this.key(event, take),
      });
    }
    const label = h("label", { for: id }, t(`set.${spec.key}`));
    const under = spec.ticks ? this.ticks() : null;
    this.element = h(
      "div",
      { class: `control ${spec.kind}${spec.main === true ? " main" : ""}` },
      h("div", { class: "head" }, label, spec.kind === "choice" ? null : this.output),
      this.input,
      under,
    );
    this.reset();
  }

  ticks() {
    const { spec } = this;
    const at = (value) =>
      `${(100 * (value === Infinity ? NONE : clamp(place(value, spec), 0, STEPS))) / (spec.none ? NONE : STEPS)}%`;
    const marks = spec.ticks.map((value) => {
      const mark = h("span", {}, written(value));
      mark.style.left = at(value);
      return mark;
    });
    const now = h("span", { class: "now" }, "▲");
    now.style.left = at(this.live);
    return h("div", { class: "ticks", "aria-hidden": "true" }, marks, now);
  }

  /** Arrow keys go from one span that people choose to the next. */
  key(event, take) {
    if (this.spec.kind !== "span") return;
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const [low, high] = [Number(this.input.min), Number(this.input.max)];
    let at = Number(this.input.value);
    const before = this.value;
    while (spanAt(at, this.spec) === before && at + way >= low && at + way <= high) at += way;
    if (at > STEPS) at = NONE;
    this.input.value = at;
    take();
  }

  read() {
    if (this.spec.kind === "choice") return this.input.value;
    return this.spec.kind === "span" ? spanAt(Number(this.input.value), this.spec) : Number(this.input.value);
  }

  reset() {
    this.move(this.live);
  }

  /** Take a value as the file would write it. */
  set(value) {
    const { kind } = this.spec;
    this.move(kind === "span" ? seconds(String(value)) : kind === "number" ? Number(value) : value);
  }

  move(value) {
    this.value = value;
    const { spec } = this;
    if (spec.kind !== "span") this.input.value = value;
    else if (value === Infinity) this.input.value = NONE;
    else this.input.value = value <= 0 ? OFF : clamp(place(value, spec), 0, STEPS);
    this.say();
  }

  say() {
    const { spec, value } = this;
    let text = String(value);
    if (spec.kind === "span") text = value === Infinity ? t("set.none") : value <= 0 ? t("set.off") : span(value);
    else if (spec.percent) text = percent(value);
    else if (spec.zero && !value) text = t("set.zero");
    this.output.textContent = text;
    if (spec.kind !== "choice") this.input.setAttribute("aria-valuetext", text);
    this.element.classList.toggle("changed", this.value !== this.live);
  }

  /** What the file would say; undefined where nothing is changed. */
  get change() {
    if (this.value === this.live) return undefined;
    return this.spec.kind === "span" ? written(this.value) : this.value;
  }
}

/** The controls of one list, on a service that has these decays. `changed` is called whenever one is moved. */
export class Controls {
  constructor(list, decays, changed) {
    this.list = list;
    const take = () => {
      this.arrange();
      changed();
    };
    this.all = settingsOf(list.kind, decays).map((spec) => new Control(spec, list, take));
    const isMain = ({ spec }) => (typeof spec.main === "function" ? spec.main(list.settings) : spec.main);
    const main = this.all.filter(isMain).map((each) => each.element);
    const rest = this.all.filter((each) => !isMain(each)).map((each) => each.element);
    const open = $("controls").querySelector("details")?.open ?? false;
    put(
      $("controls"),
      main,
      h("details", { open }, h("summary", {}, t("set.more")), h("div", { class: "more" }, rest)),
    );
    this.arrange();
  }

  /** Show what has a meaning with the others as they are. */
  arrange() {
    const value = Object.fromEntries(this.all.map((each) => [each.spec.key, each.value]));
    for (const each of this.all) {
      const when = each.spec.when ?? {};
      each.element.hidden = !Object.entries(when).every(([key, wanted]) => wanted.includes(value[key]));
    }
  }

  reset() {
    this.all.forEach((each) => each.reset());
    this.arrange();
  }

  /** Take settings as the file would write them, of those that there is a control for; the rest as they are. */
  take(settings) {
    this.reset();
    for (const each of this.all) if (each.spec.key in settings) each.set(settings[each.spec.key]);
    this.arrange();
  }

  /** What is changed, by the file's names and in its words. */
  get changes() {
    const found = {};
    for (const each of this.all) {
      if (each.element.hidden || each.change === undefined) continue;
      if (each.spec.weight) found.weights = { ...this.list.settings.weights, [each.spec.weight]: each.value };
      else found[each.spec.key] = each.change;
    }
    return found;
  }
}

/** Changes as lines of populer.toml. */
export function toml(name, changes) {
  const value = (each) => {
    if (typeof each === "string") return JSON.stringify(each);
    if (typeof each === "object")
      return `{ ${Object.entries(each)
        .map(([key, one]) => `${JSON.stringify(key)} = ${one}`)
        .join(", ")} }`;
    return String(each);
  };
  return [`[lists.${name}]`, ...Object.entries(changes).map(([key, each]) => `${key} = ${value(each)}`)].join("\n");
}
