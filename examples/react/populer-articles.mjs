// Runs on the server alone. Tells the service of articles as they are saved and removed; what fails is logged, and mended
// by populer-sync.mjs. Needs populer.mjs of examples/node beside it.
import { Populer } from "./populer.mjs";

const DEADLINE_MS = 5_000;

/** @param {(populer: Populer) => Promise<unknown>} tell */
async function quietly(tell) {
  const { POPULER_URL: url = "", POPULER_KEY: key = "", POPULER_SITE: site = "" } = process.env;
  if (!key) return;
  try {
    await tell(new Populer({ url, key, site, deadlineMs: DEADLINE_MS, requestMs: DEADLINE_MS }));
  } catch (error) {
    console.error("Populer was not told of an article: run populer-sync.mjs.", error);
  }
}

/**
 * An article was published, or published anew: a take-down is over.
 * @param {import("./populer.mjs").Item & { id: string }} item
 */
export const articlePublished = (item) => quietly((populer) => populer.publish(item));

/**
 * A published article was changed. One that an editor has taken down in Populer stays down.
 * @param {import("./populer.mjs").Item & { id: string }} item
 */
export const articleChanged = (item) => quietly((populer) => populer.describe([item]));

/**
 * Readers can no longer open an article.
 * @param {string} id
 */
export const articleRemoved = (id) => quietly((populer) => populer.takeDown(id));
