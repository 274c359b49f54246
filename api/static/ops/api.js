// Asking the service. The keys are this tab's alone: they leave it in the Authorization header and nowhere else.

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

/** What went wrong, in words. `status` 0: there was no answer at all. */
export class Failure extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

function failure(status, problem, retry) {
  if (status === 401 || status === 403) return new Failure(status, "This is not the site’s admin key: sign in again.");
  const detail = problem?.detail ?? `The service answered ${status}.`;
  const again = status === 503 ? ` Try again in ${retry ?? 1} s.` : "";
  return new Failure(
    status,
    detail.charAt(0).toUpperCase() + detail.slice(1) + (/[.!?]$/.test(detail) ? "" : ".") + again,
  );
}

/** Ask; what is answered (JSON, or null where there is nothing). Throws a Failure. */
export async function ask(path, { site, key = keys[site], method = "GET", body, query = {} } = {}) {
  const address = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries({ ...query, site })) if (value) address.searchParams.set(name, value);
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
    throw new Failure(
      0,
      "The service does not answer. It may be restarting; if it stays so, look at its log and at /livez.",
    );
  }
}
