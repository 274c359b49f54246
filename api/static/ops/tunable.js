// Which settings of a list can be tried, and where a span stands on a slider, which is on a log scale.

import { has, t } from "./language.js";

const [M, H, D] = [60, 3600, 86400];
/** Places of a slider of spans; one that has no limit goes to NONE, one that can be off begins at OFF. */
export const STEPS = 400;
export const NONE = STEPS + 12;
export const OFF = -12;

/** Spans that people choose, dense where it matters: a slider rests on these. */
const NICE = [1, 2, 3, 5, 10, 15, 20, 30, 45]
  .map((each) => each * M)
  .concat([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 18].map((each) => each * H))
  .concat([1, 1.5, 2, 3, 4, 5, 7, 10, 14, 21, 30].map((each) => each * D));

const METHODS = ["excess", "chi-square", "z-score", "ewma", "ratio", "share", "acceleration"];

const spanOf = (key, from, to, more = {}) => ({ key, kind: "span", from, to, ...more });
const PER_SECTION = { key: "max_per_section", kind: "number", from: 0, to: 10, step: 1, zero: true };

/**
 * The settings that can be tried, by the kind of list. `when`: what another must be for it to have an effect; `ofDecay`:
 * the list's decay must use it. The decays themselves are the service's to name: see `settingsOf`.
 */
const SETTINGS = {
  ranked: [
    spanOf("half_life", 5 * M, 30 * D, {
      none: true,
      main: true,
      ticks: [5 * M, 30 * M, 2 * H, 6 * H, D, 7 * D],
      ofDecay: true,
    }),
    {
      key: "decay",
      kind: "choice",
    },
    { key: "power", kind: "number", from: 0.1, to: 4, step: 0.1, ofDecay: true },
    spanOf("power_scale", M, 7 * D, { ofDecay: true }),
    {
      key: "daily",
      kind: "number",
      from: 0.05,
      to: 1,
      step: 0.05,
      percent: true,
      ofDecay: true,
    },
    spanOf("window", 30 * M, 30 * D, { none: true, ofDecay: true }),
    spanOf("max_age", H, 30 * D, { none: true }),
    {
      key: "aging",
      kind: "choice",
      of: [["none"], ["half-life"], ["gravity"]],
    },
    spanOf("aging_half_life", 10 * M, 30 * D, { when: { aging: ["half-life"] } }),
    { key: "gravity", kind: "number", from: 0.1, to: 4, step: 0.1, when: { aging: ["gravity"] } },
    {
      key: "click",
      kind: "number",
      from: 0,
      to: 10,
      step: 0.5,
      weight: "click",
    },
    {
      key: "self_click_weight",
      kind: "number",
      from: 0,
      to: 1,
      step: 0.05,
      percent: true,
    },
    {
      key: "hysteresis",
      kind: "number",
      from: 0,
      to: 0.5,
      step: 0.01,
      percent: true,
    },
    PER_SECTION,
    {
      key: "fill",
      kind: "choice",
      of: [["none"], ["widen"], ["latest"]],
    },
  ],
  burst: [
    spanOf("short", 10 * M, D, { main: true, ticks: [10 * M, 30 * M, H, 3 * H, 12 * H] }),
    spanOf("baseline", 6 * H, 28 * D, {
      when: { method: METHODS.filter((each) => each !== "acceleration") },
    }),
    { key: "minimum", kind: "number", from: 0, to: 100, step: 1 },
    {
      key: "method",
      kind: "choice",
      of: METHODS.map((each) => [each]),
    },
    spanOf("hold", 30 * M, 7 * D, { off: true }),
    spanOf("max_age", H, 30 * D, { none: true }),
    PER_SECTION,
  ],
  latest: [
    spanOf("max_age", H, 30 * D, { none: true, main: true, ticks: [H, 6 * H, D, 7 * D] }),
    spanOf("min_age", M, D, { off: true }),
    PER_SECTION,
  ],
};

/**
 * The settings of a list of one kind that can be tried. `decays`: name, label and `slides` of each decay that a list can
 * have, the usual one first. What it slides by first stands among the main settings.
 */
export function settingsOf(kind, decays) {
  const slidesOf = (name) => decays.find((each) => each.name === name)?.slides ?? [];
  return SETTINGS[kind].map((spec) => {
    if (spec.key === "decay")
      return {
        ...spec,
        of: decays.map(({ name, label }) => [name, has(`decay.${name}`) ? t(`decay.${name}`) : label]),
        main: (settings) => settings.decay !== decays[0].name,
      };
    if (!spec.ofDecay) return spec;
    return {
      ...spec,
      main: spec.main ?? ((settings) => slidesOf(settings.decay)[0] === spec.key),
      when: { decay: decays.filter(({ slides }) => slides.includes(spec.key)).map(({ name }) => name) },
    };
  });
}

/** The place of a span on its slider. */
export const place = (value, { from, to }) => Math.round((STEPS * Math.log(value / from)) / Math.log(to / from));
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** The span at a place of a slider: the nearest that people choose. */
export function spanAt(at, spec) {
  if (spec.none && at > STEPS) return Infinity;
  if (spec.off && at < 0) return 0;
  const exact = spec.from * (spec.to / spec.from) ** (at / STEPS);
  return NICE.filter((each) => each >= spec.from && each <= spec.to).reduce((best, each) =>
    Math.abs(Math.log(each / exact)) < Math.abs(Math.log(best / exact)) ? each : best,
  );
}
