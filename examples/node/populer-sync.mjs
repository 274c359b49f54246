#!/usr/bin/env node
// Describes all articles: POPULER_URL=… POPULER_KEY=… node populer-sync.mjs ./articles.mjs
// The module's default export is an array of articles, or a function (async, a generator, …) that gives them.
import { pathToFileURL } from "node:url";
import { Populer, PopulerError } from "./populer.mjs";

const BATCH = 500;

/** @param {string} message */
function fail(message) {
  console.error(message);
  process.exit(1);
}

const file = process.argv[2];
const { POPULER_URL: url, POPULER_KEY: key, POPULER_SITE: site } = process.env;
if (!file || !url || !key) fail("Usage: POPULER_URL=… POPULER_KEY=… node populer-sync.mjs ./articles.mjs");

const { default: source } = await import(pathToFileURL(file).href);
const populer = new Populer({ url, key, site, deadlineMs: 60_000, requestMs: 30_000 });
let stored = 0;
let refused = 0;
let batch = [];

async function flush() {
  const { items } = await populer.describe(batch);
  batch = [];
  for (const { id, ok, ignored, error } of items) {
    if (ok) stored += 1;
    else refused += 1;
    for (const why of error ? [error] : ignored) console.error(`${id}: ${why}`);
  }
}

try {
  for await (const article of typeof source === "function" ? await source() : source) {
    batch.push(article);
    if (batch.length === BATCH) await flush();
  }
  await flush();
} catch (error) {
  if (!(error instanceof PopulerError)) throw error;
  fail(`${error.message} ${stored} articles were described; run it again.`);
}
console.log(`${stored} articles were described, ${refused} were refused.`);
if (refused) process.exitCode = 1;
