// Runs on the server alone: the key must not reach the page, and a page with a token must not be cached.
import { createHmac, randomBytes } from "node:crypto";

/**
 * A page token: this server's word for one view of a page that it makes now.
 * @param {string} item the article's id
 * @param {string} key the site's page key
 * @returns {string}
 */
export function pageToken(item, key) {
  const signed = `${Math.floor(Date.now() / 3_600_000)}.${randomBytes(16).toString("base64url")}`;
  const mac = createHmac("sha256", key).update(`${signed}.${item}`).digest().subarray(0, 16);
  return `${signed}.${mac.toString("base64url")}`;
}
