// Numbers, spans and moments as people read them, and spans as populer.toml writes them.

const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
const whole = new Intl.NumberFormat("en-GB");
const short = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

export const number = (value) => whole.format(Math.round(value));

export const compact = (value) => (value < 10_000 ? number(value) : short.format(value));

/** A score: as many digits as tell one place from the next. */
export function score(value) {
  if (value === null) return "";
  return Math.abs(value) >= 100 ? number(value) : Number(value.toPrecision(3)).toString();
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
  return found.map((part) => (part / unit).toFixed(digits));
}

export const percent = (share) => `${Math.round(100 * share)} %`;

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

/** Seconds -> "2 h 30 min". */
export function span(value) {
  if (value === Infinity) return "none";
  const total = Math.round(value);
  if (total < 120) return value < 10 && value !== total ? `${value.toFixed(1)} s` : `${total} s`;
  const minutes = Math.round(total / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

const joined = (large, name, small, smaller) => `${large} ${name}${small ? ` ${small} ${smaller}` : ""}`;

export const ago = (value) => (value < 1.5 ? "just now" : `${span(value)} ago`);

/** A moment (epoch seconds) on the site's clock. */
export function clock(moment, zone, withDay = false) {
  const day = withDay ? { day: "numeric", month: "short" } : {};
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone, ...day }).format(
    moment * 1000,
  );
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** Whichever sent too much of an item: "one network 62 %". */
export function greatest({ network, agent }) {
  const over = ({ share, usual }) => share > 0.3 && usual !== null && share > 3 * usual;
  const [name, sent] = over(agent) && !over(network) ? ["user agent", agent] : ["network", network];
  return `one ${name} ${percent(sent.share)}`;
}

/** How concentrated an item's last hour was. */
export function concentration({ attempts, networks, network, agent }) {
  const usual = ({ usual }) => (usual === null ? "" : `, of the site’s other items ${percent(usual)}`);
  const from = `${plural(attempts, "event")} in the last hour, counted or not, from about ${plural(networks, "network")}`;
  return (
    `${from}: the greatest network sent ${percent(network.share)}${usual(network)}; ` +
    `the greatest user agent ${percent(agent.share)}${usual(agent)}.`
  );
}

/** A sentence whose numbers keep their units on the line. */
export const unbroken = (text) => text.replace(/(\d) (?=(?:s|min|h|d|%)\b|%)/g, "$1\u00a0");
