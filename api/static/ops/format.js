// Numbers, spans and moments as the page's language writes them, and spans as populer.toml does.

import { locale, t } from "./language.js";

const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const formats = new Map();

function numbers(options) {
  const key = locale() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale(), options));
  return formats.get(key);
}

export const number = (value) => numbers({ maximumFractionDigits: 0 }).format(value);

export const decimal = (value, digits = 1) =>
  numbers({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

export const compact = (value) =>
  value < 10_000 ? number(value) : numbers({ notation: "compact", maximumFractionDigits: 1 }).format(value);

export const percent = (share) => numbers({ style: "percent", maximumFractionDigits: 0 }).format(share);

/** A score: as many digits as tell one place from the next. */
export function score(value) {
  if (value === null) return "";
  return Math.abs(value) >= 100 ? number(value) : numbers({ maximumSignificantDigits: 3 }).format(value);
}

/** Parts of a sum as text, rounded so that what is written adds up to the total as it is written. */
export function adding(parts, total, digits = 2) {
  const unit = 10 ** digits;
  const found = parts.map((part) => Math.floor(part * unit));
  let left = Math.round(total * unit) - found.reduce((sum, part) => sum + part, 0);
  const byRest = parts.map((part, at) => [part * unit - found[at], at]).sort(([one], [other]) => other - one);
  for (const [, at] of byRest)
    if (left > 0) {
      found[at] += 1;
      left -= 1;
    }
  return found.map((part) => decimal(part / unit, digits));
}

/** "2h30m" -> seconds; "none" -> Infinity. */
export function seconds(text) {
  if (text === "none") return Infinity;
  return [...text.matchAll(/([\d.]+)(ms|[smhdw])/g)].reduce((sum, [, count, unit]) => sum + count * UNITS[unit], 0);
}

/** Seconds -> "2h30m", as the file has it. */
export function written(value) {
  if (value === Infinity) return "none";
  let left = Math.round(value);
  let text = "";
  for (const unit of ["d", "h", "m", "s"]) {
    const count = Math.floor(left / UNITS[unit]);
    left -= count * UNITS[unit];
    if (count) text += count + unit;
  }
  return text || "0s";
}

/** Seconds -> "2 h 30 min". A no-break space keeps a number with its unit. */
export function span(value) {
  if (value === Infinity) return t("span.none");
  const total = Math.round(value);
  if (total < 120) return value < 10 && value !== total ? of(value, "s", 1) : of(total, "s");
  const minutes = Math.round(total / 60);
  if (minutes < 60) return of(minutes, "min");
  if (minutes < 48 * 60) return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

const of = (value, unit, digits = 0) => `${decimal(value, digits)}\u00a0${t(`unit.${unit}`)}`;
const joined = (large, unit, small, smaller) => of(large, unit) + (small ? ` ${of(small, smaller)}` : "");

export const ago = (value) => (value < 1.5 ? t("now") : t("ago", { span: span(value) }));

const SHAPES = {
  time: { hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
  moment: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};

/** A moment (epoch seconds) on the site's clock; `shape`: time, day or moment. */
export const clock = (moment, zone, shape = "time") =>
  new Intl.DateTimeFormat(locale(), { timeZone: zone, ...SHAPES[shape] }).format(moment * 1000);

/** What an edit has left: "until 3 Dec, 12:00, in 2 h". */
export function remaining(until, zone, now = Date.now() / 1000) {
  if (!until) return t("until.lifted");
  return t("until.left", { moment: clock(until, zone, "moment"), span: span(Math.max(0, until - now)) });
}
