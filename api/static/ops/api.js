// Asking the service. The keys are this tab's alone: they leave it in the Authorization header and nowhere else.

import { has, t } from "./language.js";

const KEPT = "populer-ops-keys";
const PATIENCE_MS = 20_000;

let keys = {};
try {
  keys = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
} catch {
  keys = {}; // a browser that keeps nothing: sign in anew
}

export const known = (site) => keys[site];

export function keep(site, key) {
  keys[site] = key;
  store();
}

export function forgetAll() {
  keys = {};
  store();
}

export function forget(site) {
  delete keys[site];
  store();
}

function store() {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(keys));
  } catch {
    // as above
  }
}

/** What went wrong, in words. `status` 0: there was no answer at all. `reason`: the service's name of it, if any. */
export class Failure extends Error {
  constructor(status, text, reason = "") {
    super(text);
    this.status = status;
    this.reason = reason;
  }
}

function failure(status, problem, retry) {
  if (status === 401 || status === 403) return new Failure(status, t("key.refused"));
  if (has(`refused.${problem?.reason}`)) return new Failure(status, t(`refused.${problem.reason}`, problem), problem.reason);
  const detail = problem?.detail ?? t("answered", { status });
  const again = status === 503 ? ` ${t("again", { n: Number(retry ?? 1) })}` : "";
  return new Failure(
    status,
    detail.charAt(0).toUpperCase() + detail.slice(1) + (/[.!?]$/.test(detail) ? "" : ".") + again,
  );
}

/** An address of the service; a value that is a list is given several times, an empty one not at all. */
export function addressOf(path, query) {
  const address = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query))
    for (const each of [value].flat()) if (each) address.searchParams.append(name, each);
  return address;
}

/** Ask; what is answered (JSON, or null where there is nothing). Throws a Failure. */
export async function ask(path, { site, key = keys[site], method = "GET", body, query = {} } = {}) {
  const address = addressOf(path, { ...query, site });
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(address, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-cache",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 204) return null;
    const found = await answer.json();
    if (answer.ok) return found;
    throw failure(answer.status, found, answer.headers.get("retry-after"));
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (answer && !answer.ok) throw failure(answer.status, null, answer.headers.get("retry-after"));
    throw new Failure(0, t("away"));
  }
}
