// How a list forgets, in a sentence of the page's language; what has no such sentence is said as the service says it.

import { clock, decimal, percent, seconds, span } from "./format.js";
import { t } from "./language.js";

const [H, D] = [3600, 86400];
const ROUND = [H, 3 * H, 6 * H, 12 * H, D, 2 * D, 3 * D, 7 * D];

/** Settings as the file writes them -> "After 6 h a view counts half, after 24 h 6 %." */
export function forgets(settings, words) {
  if (settings.kind === "latest") return t("forgets.latest");
  if (settings.kind === "burst")
    return t("forgets.burst", { short: span(seconds(settings.short)), baseline: span(seconds(settings.baseline)) });
  const isPlain = settings.aging === "none" && settings.max_age === "none";
  const [half, window] = [seconds(settings.half_life ?? "none"), seconds(settings.window ?? "none")];
  if (!isPlain || !Number.isFinite(half) || settings.period !== "none") return words;
  if (settings.decay !== "half-life" || Number.isFinite(window)) return words;
  const later = ROUND.find((each) => each >= 2.99 * half) ?? 4 * half;
  const left = 0.5 ** (later / half);
  const share = left <= 0.005 ? t("forgets.nothing") : percent(left - 1e-9); // half a percent is rounded as the service does
  return t("forgets.half", { half: span(half), later: span(later), share });
}

/** How the live list forgets, and whether it has found that out by itself, and why it stands there. */
export function learned(list, zone) {
  const words = forgets(list.settings, list.words);
  if (!list.learns) return words;
  const reads = list.learned_reads;
  const half = span(seconds(list.settings.half_life ?? "none"));
  const why = Number.isFinite(reads)
    ? t("learned.traffic", { half, reads: decimal(reads, reads < 10 ? 1 : 0) })
    : list.learned_why && t("learned.past", { half, why: list.learned_why });
  const since = list.learned_since ? t("learned.since", { moment: clock(list.learned_since, zone, "moment") }) : "";
  return [words, why, t("learned.nightly"), since].filter(Boolean).join(" ");
}
