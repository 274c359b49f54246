// Asking the service. The keys are this tab's alone: they leave it in the Authorization header and nowhere else.

import { current, has, t } from "./language.js";

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

/** Whether a status says that the key will not do. */
const isKeyRefused = (status) => status === 401 || status === 403;

/** What went wrong, in words. `status` 0: there was no answer at all. `reason`: the service's name of it, if any. */
export class Failure extends Error {
  constructor(status, text, reason = "") {
    super(text);
    this.status = status;
    this.reason = reason;
  }

  get isKeyRefused() {
    return isKeyRefused(this.status);
  }
}

function failure(status, problem, retry) {
  if (isKeyRefused(status)) return new Failure(status, t("key.refused"));
  if (has(`refused.${problem?.reason}`))
    return new Failure(status, t(`refused.${problem.reason}`, problem), problem.reason);
  const known = `problem.${problem?.title?.replaceAll(" ", "-")}`;
  if (current() !== "en" && has(known)) return new Failure(status, t(known)); // details are English
  const detail = problem?.detail ?? t("answered", { status });
  const again = status === 503 ? ` ${t("again", { n: Number(retry ?? 1) })}` : "";
  return new Failure(
    status,
    detail.charAt(0).toUpperCase() + detail.slice(1) + (/[.!?]$/.test(detail) ? "" : ".") + again,
  );
}

/** An address of the service; a value that is a list is given several times, an empty one not at all. */
function addressOf(path, query) {
  const address = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query))
    for (const each of [value].flat()) if (each) address.searchParams.append(name, each);
  return address;
}

async function send(path, { site, key = keys[site], method = "GET", body, query = {} }) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(addressOf(path, { ...query, site }), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-cache",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Failure(0, t("away"));
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => null);
  throw failure(answer.status, problem, answer.headers.get("retry-after"));
}

/** What was answered, read by `read`; an answer that breaks off is none. */
async function body(answer, read) {
  try {
    return await answer[read]();
  } catch {
    throw new Failure(0, t("away"));
  }
}

/** Ask; what is answered (JSON, or null where there is nothing). Throws a Failure. */
export async function ask(path, request = {}) {
  const answer = await send(path, request);
  return answer.status === 204 ? null : body(answer, "json");
}

/** Save what is answered as a file under the name that the service gives it. Throws a Failure. */
export async function download(path, request) {
  const answer = await send(path, request);
  const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? "populer.csv";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await body(answer, "blob"));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
