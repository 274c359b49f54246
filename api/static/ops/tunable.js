// Which settings of a list can be tried, and where a span stands on a slider, which is on a log scale.

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

const spanOf = (key, label, from, to, more = {}) => ({ key, label, kind: "span", from, to, ...more });

/**
 * The settings that can be tried, by the kind of list. `when`: what another must be for it to have an effect; `ofDecay`:
 * the list's decay must use it. The decays themselves are the service's to name: see `settingsOf`.
 */
const SETTINGS = {
  ranked: [
    spanOf("half_life", "Half-life", 5 * M, 30 * D, {
      none: true,
      main: true,
      ticks: [5 * M, 30 * M, 2 * H, 6 * H, D, 7 * D],
      ofDecay: true,
    }),
    {
      key: "decay",
      label: "Events fade",
      kind: "choice",
    },
    { key: "power", label: "Power", kind: "number", from: 0.1, to: 4, step: 0.1, ofDecay: true },
    spanOf("power_scale", "Half at a power of 1", M, 7 * D, { ofDecay: true }),
    {
      key: "daily",
      label: "Left after a day",
      kind: "number",
      from: 0.05,
      to: 1,
      step: 0.05,
      percent: true,
      ofDecay: true,
    },
    spanOf("window", "Only events of the last", 30 * M, 30 * D, { none: true, ofDecay: true }),
    spanOf("max_age", "Leave out items older than", H, 30 * D, { none: true }),
    {
      key: "aging",
      label: "Items fade with their own age",
      kind: "choice",
      of: [
        ["none", "no"],
        ["half-life", "by a half-life"],
        ["gravity", "by gravity"],
      ],
    },
    spanOf("aging_half_life", "Half-life of an item", 10 * M, 30 * D, { when: { aging: ["half-life"] } }),
    { key: "gravity", label: "Gravity", kind: "number", from: 0.1, to: 4, step: 0.1, when: { aging: ["gravity"] } },
    {
      key: "click",
      label: "A click counts as so many views",
      kind: "number",
      from: 0,
      to: 10,
      step: 0.5,
      weight: "click",
    },
    {
      key: "self_click_weight",
      label: "Clicks that came from a list count",
      kind: "number",
      from: 0,
      to: 1,
      step: 0.05,
      percent: true,
    },
    {
      key: "hysteresis",
      label: "Who is in stays until another is better by",
      kind: "number",
      from: 0,
      to: 0.5,
      step: 0.01,
      percent: true,
    },
    {
      key: "max_per_section",
      label: "Items of one section at most",
      kind: "number",
      from: 0,
      to: 10,
      step: 1,
      zero: "any number",
    },
    {
      key: "fill",
      label: "Where items are missing",
      kind: "choice",
      of: [
        ["none", "leave it short"],
        ["widen", "look further back"],
        ["latest", "add the newest"],
      ],
    },
  ],
  burst: [
    spanOf("short", "A burst is of the last", 10 * M, D, { main: true, ticks: [10 * M, 30 * M, H, 3 * H, 12 * H] }),
    spanOf("baseline", "Held against the time before", 6 * H, 28 * D, {
      when: { method: METHODS.filter((each) => each !== "acceleration") },
    }),
    { key: "minimum", label: "Views it takes", kind: "number", from: 0, to: 100, step: 1 },
    {
      key: "method",
      label: "Compared by",
      kind: "choice",
      of: METHODS.map((each) => [each, each]),
    },
    spanOf("hold", "Listed for its highest burst of", 30 * M, 7 * D, { off: true }),
    spanOf("max_age", "Leave out items older than", H, 30 * D, { none: true }),
    {
      key: "max_per_section",
      label: "Items of one section at most",
      kind: "number",
      from: 0,
      to: 10,
      step: 1,
      zero: "any number",
    },
  ],
  latest: [
    spanOf("max_age", "Leave out items older than", H, 30 * D, { none: true, main: true, ticks: [H, 6 * H, D, 7 * D] }),
    spanOf("min_age", "Leave out items newer than", M, D, { off: true }),
    {
      key: "max_per_section",
      label: "Items of one section at most",
      kind: "number",
      from: 0,
      to: 10,
      step: 1,
      zero: "any number",
    },
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
        of: decays.map(({ name, label }) => [name, label]),
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
