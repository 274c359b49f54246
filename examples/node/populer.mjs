/**
 * A client of a Populer service for servers: Node 20 and later, Deno, Bun, workers; no dependencies. The key must not
 * reach a browser.
 *
 * Every request may be sent twice: items are upserts, and a batch of events carries an `Idempotency-Key`. So what leaves
 * the outcome unknown (no connection, a timeout, 429, 502, 503, 504) is tried again with the same key until a deadline.
 */

const TRY_AGAIN = new Set([429, 502, 503, 504]);
const BATCH = 1000;

/**
 * @typedef {object} Item an article; all fields but the id are optional, and null takes one away
 * @property {string} [id] without one it is that of the url
 * @property {string | null} [title]
 * @property {string | null} [url]
 * @property {string | null} [section]
 * @property {string[] | null} [sections] the first is shown
 * @property {string[] | null} [tags]
 * @property {string[] | null} [authors]
 * @property {number | string | null} [published_at] epoch seconds or ISO 8601
 * @property {number | string | null} [modified_at]
 * @property {number | string | null} [expires_at] from then on it is in no list
 * @property {string | { url: string, width?: number, height?: number, alt?: string } | null} [image]
 * @property {string | null} [summary]
 * @property {string | null} [language]
 * @property {string | null} [type]
 * @property {boolean | null} [premium]
 * @property {boolean} [hidden] true: it is in no list
 * @property {Record<string, unknown>} [extra]
 */

/**
 * @typedef {object} PopulerEvent a view, a click, or a kind of your own
 * @property {string} [item] the article's id; or `url`
 * @property {string} [url]
 * @property {string} [kind] "view" unless said otherwise
 * @property {string} [visitor] opaque
 * @property {string} [source]
 * @property {number} [position]
 * @property {number} [ts] epoch seconds
 * @property {string} [id] under which it counts once
 */

/** @typedef {{ id: string | null, ok: boolean, ignored: string[], error?: string }} ItemOutcome */
/** @typedef {{ stored: number, items: ItemOutcome[] }} ItemsAnswer */
/** @typedef {{ index: number, error: string }} Invalid */
/** @typedef {{ accepted: number, duplicate: number, filtered: Record<string, number>, invalid: Invalid[], ack: string }} EventsAnswer */
/** @typedef {{ rank: number, id: string, title: string, url: string | null, section: string | null, published_at: number | null, published_label: string | null, image: unknown, score: number, views: number }} Row */
/** @typedef {{ list: string, title: string, generation: number, age_s: number, stale: boolean, items: Row[], next: string | null }} List */

/** What the service refuses, or that it did not answer in time (status 0). */
export class PopulerError extends Error {
  /**
   * @param {string} message
   * @param {number} status the HTTP status; 0 where there was no answer
   * @param {any} [problem] what the service said
   */
  constructor(message, status, problem = null) {
    super(message);
    this.name = "PopulerError";
    this.status = status;
    this.problem = problem;
  }
}

export class Populer {
  #url;
  #key;
  #site;
  #deadlineMs;
  #requestMs;
  #pauseMs;

  /**
   * @param {object} options
   * @param {string} options.url such as https://populer.example
   * @param {string} [options.key] the site's write key; lists can be read without one
   * @param {string} [options.site] its id, where the service has several
   * @param {number} [options.deadlineMs] how long to go on trying, in all
   * @param {number} [options.requestMs] how long one request may take
   * @param {number} [options.pauseMs] before the second try; it doubles from try to try
   */
  constructor({ url, key = "", site = "", deadlineMs = 10_000, requestMs = 5_000, pauseMs = 200 }) {
    if (!/^https?:\/\/[^/]/.test(url)) {
      throw new PopulerError(`url must be an address such as https://populer.example, not ${JSON.stringify(url)}`, 0);
    }
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
    this.#site = site;
    this.#deadlineMs = deadlineMs;
    this.#requestMs = requestMs;
    this.#pauseMs = pauseMs;
  }

  /**
   * Record events. They count once, however often they are sent.
   * @param {PopulerEvent | PopulerEvent[]} events
   * @returns {Promise<EventsAnswer>} those that an earlier try has counted are duplicates
   */
  async record(events) {
    const body = Array.isArray(events) ? events : [events];
    const key = { "Idempotency-Key": crypto.randomUUID() };
    return this.#send("POST", "/v1/events", { body, headers: key });
  }

  /**
   * Describe articles. One that was taken down stays down; see `publish`.
   * @param {Item[]} items as many as you like
   * @returns {Promise<ItemsAnswer>} of each item whether it is stored, and what of it was left out
   */
  async describe(items) {
    /** @type {ItemsAnswer} */
    const all = { stored: 0, items: [] };
    for (let start = 0; start < items.length; start += BATCH) {
      const batch = items.slice(start, start + BATCH);
      const answer = await this.#described(batch);
      all.stored += answer.stored;
      all.items.push(...answer.items);
    }
    return all;
  }

  /**
   * Describe an article that is published, or published anew: its take-down is over.
   * @param {Item & { id: string }} item
   * @returns {Promise<Item & { ignored: string[] }>} as stored
   */
  async publish(item) {
    return this.#send("PUT", `/v1/items/${encodeURIComponent(item.id)}`, { body: item });
  }

  /**
   * Change some fields of an article that is there.
   * @param {string} id
   * @param {Item} fields
   * @returns {Promise<Item & { ignored: string[] }>} as stored
   */
  async change(id, fields) {
    return this.#send("PATCH", `/v1/items/${encodeURIComponent(id)}`, { body: fields });
  }

  /**
   * Take an article out of every list.
   * @param {string} id
   * @returns {Promise<void>}
   */
  async takeDown(id) {
    await this.#send("DELETE", `/v1/items/${encodeURIComponent(id)}`);
  }

  /**
   * Let other addresses and ids, such as a slug of old, count for an article.
   * @param {string} id
   * @param {{ urls?: string[], ids?: string[] }} names
   * @returns {Promise<{ item: string, aliases: string[], former: string[] }>} all that it has now
   */
  async alias(id, names) {
    return this.#send("PUT", `/v1/items/${encodeURIComponent(id)}/aliases`, { body: names });
  }

  /**
   * Read a list.
   * @param {string} name
   * @param {{ section?: string, limit?: number, exclude?: string, cursor?: string }} [query]
   * @returns {Promise<List>}
   */
  async list(name, query = {}) {
    return this.#send("GET", `/v1/lists/${encodeURIComponent(name)}`, { query });
  }

  /**
   * @param {Item[]} batch
   * @returns {Promise<ItemsAnswer>}
   */
  async #described(batch) {
    try {
      return await this.#send("PUT", "/v1/items", { body: batch });
    } catch (error) {
      const invalid = error instanceof PopulerError && error.status === 422 ? error.problem?.invalid : null;
      if (!Array.isArray(invalid)) throw error;
      // None of them can be stored, each for a reason of its own.
      const outcomes = batch.map((item) => ({ id: item.id ?? null, ok: false, ignored: [], error: "is invalid" }));
      for (const { index, error: why } of invalid) Object.assign(outcomes[index] ?? {}, { error: why });
      return { stored: 0, items: outcomes };
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: unknown, query?: Record<string, string | number | undefined>, headers?: Record<string, string> }} [more]
   * @returns {Promise<any>} the decoded answer
   */
  async #send(method, path, { body, query = {}, headers = {} } = {}) {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries({ site: this.#site, ...query })) {
      if (value !== undefined && value !== "") asked.set(name, String(value));
    }
    const address = `${this.#url}${path}${asked.size ? `?${asked}` : ""}`;
    /** @type {RequestInit} */
    const request = { method, redirect: "manual", headers: { ...headers } };
    if (this.#key) request.headers = { ...request.headers, Authorization: `Bearer ${this.#key}` };
    if (body !== undefined) {
      request.headers = { ...request.headers, "Content-Type": "application/json" };
      request.body = JSON.stringify(body);
    }
    const until = Date.now() + this.#deadlineMs;
    for (let pauseMs = this.#pauseMs; ; pauseMs *= 2) {
      const { answer, failure, waitMs } = await this.#tried(address, request, until);
      if (answer) return answered(answer, this.#url);
      const pause = Math.max(waitMs, pauseMs * (0.5 + Math.random() / 2));
      if (Date.now() + pause > until) throw failure;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /**
   * One try: an answer, or why another one makes sense.
   * @param {string} address
   * @param {RequestInit} request
   * @param {number} until
   * @returns {Promise<{ answer?: Response, failure: PopulerError, waitMs: number }>}
   */
  async #tried(address, request, until) {
    const left = Math.max(1, Math.min(this.#requestMs, until - Date.now()));
    try {
      const answer = await fetch(address, { ...request, signal: AbortSignal.timeout(left) });
      const failure = new PopulerError(`The service at ${this.#url} answered ${answer.status}.`, answer.status);
      if (!TRY_AGAIN.has(answer.status)) return { answer, failure, waitMs: 0 };
      await answer.body?.cancel();
      return { failure, waitMs: 1000 * (Number(answer.headers.get("Retry-After")) || 0) };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const why = cause instanceof Error ? cause.message : String(cause);
      return { failure: new PopulerError(`The service at ${this.#url} does not answer: ${why}`, 0), waitMs: 0 };
    }
  }
}

/**
 * The document of an answer.
 * @param {Response} answer
 * @param {string} url
 * @returns {Promise<any>}
 */
async function answered(answer, url) {
  if (answer.status === 204) return undefined;
  const text = await answer.text();
  let document = null;
  try {
    document = JSON.parse(text);
  } catch {
    // It is no service's answer: said below.
  }
  if (!answer.ok) {
    const detail = typeof document?.detail === "string" ? ` ${document.detail}` : "";
    throw new PopulerError(`The service at ${url} answered ${answer.status}.${detail}`, answer.status, document);
  }
  if (document === null) throw new PopulerError(`What answers at ${url} is no Populer service.`, answer.status);
  return document;
}
