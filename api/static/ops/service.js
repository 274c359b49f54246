// How the service fares: alarms, traffic by the minute, jobs, the leader, the settings' file and the store.

import { $, h, put } from "./dom.js";
import { columns } from "./draw.js";
import { ago, clock, number, plural, span } from "./words.js";

const ALARMS = {
  store_away: "The store is away",
  list_stale: "A list is stale",
  clock: "This host's clock is wrong, or the store's",
  store_emptied: "The store came back without its data",
  store_went_back: "The store has gone back",
  feeds_failing: "Feeds are not read",
  memory: "The store's memory is nearly full",
  no_events: "Nothing is read",
  forwarded_untrusted: "A proxy is not trusted",
  forwarded_missing: "A proxy does not name its readers",
  one_sender: "Most events come from one address",
  concentrated: "One sender sends most of an item",
  slow_refresh: "Lists take long to rank",
  waiting_items: "Read items are in no list",
  spool: "Events wait on disk",
  evictions: "Counts were dropped",
  config_refused: "The settings’ file is refused",
};
const REASONS = {
  robot: "robots",
  prefetch: "prefetched",
  fetch: "opened by hand",
  limited: "over a limit",
  new_item: "unknown items",
  gpc: "readers who object",
  origin: "another origin",
  host: "another host",
  duplicate: "repeats",
  concentrated: "one network's own",
  proof: "without proof",
  invalid: "invalid",
  lost: "lost",
};
const JOBS = {
  refresh: "rank and publish lists",
  seal: "pack old counts",
  prune: "clear away",
  salts: "rotate visitor salts",
  pulse: "learn usual traffic",
  concentration: "learn who sends most",
  feeds: "read feeds",
  discover: "read pages of articles",
  suggest: "look for better settings",
};

/** How the last poll of a feed has fared. */
function feedLine(feed) {
  const faults = feed.faults ? `, ${number(feed.faults)} not usable (${feed.fault})` : "";
  const read = feed.tried_at ? `${plural(feed.entries, "entry", "entries")}${faults}` : "not read yet";
  return h("div", {}, h("bdi", {}, feed.url), `: ${feed.error ? `it ${feed.error}` : read}`);
}

export function alarms(found, zone, now) {
  put(
    $("alarms"),
    found.map((each) =>
      h(
        "div",
        { class: `alarm ${each.alarm}` },
        h("b", {}, ALARMS[each.alarm] ?? each.alarm),
        each.since
          ? h(
              "time",
              { datetime: new Date(1000 * each.since).toISOString(), title: clock(each.since, zone, true) },
              `since ${ago(Math.max(0, now - each.since)).replace(" ago", "")}`,
            )
          : null,
        h("p", {}, `${each.says.charAt(0).toUpperCase()}${each.says.slice(1)}.`),
      ),
    ),
  );
  const standing = $("standing");
  standing.hidden = false;
  standing.classList.toggle("bad", found.length > 0);
  standing.textContent = found.length ? plural(found.length, "alarm") : "All is well";
}

export function traffic(found, zone) {
  const names = Object.keys(found.events);
  const width = $("traffic").clientWidth || 560;
  const total = (name) => found.events[name].reduce((sum, count) => sum + count, 0);
  const kinds = names.filter((name) => !name.startsWith("!")).sort((a, b) => total(b) - total(a));
  const reasons = names.filter((name) => name.startsWith("!")).sort((a, b) => total(b) - total(a));
  const part = (title, some, style, words) => {
    const series = some.map((name, at) => [words(name), `${style}${Math.min(at, 5)}`, found.events[name]]);
    const last = found.minutes.length - 2; // the present minute has only begun
    const all = some.reduce((sum, name) => sum + total(name), 0);
    return h(
      "figure",
      { class: "flow" },
      h("figcaption", {}, title),
      columns(found.minutes, series, zone, `${title}: ${number(all)} in the last hour`, width),
      h(
        "table",
        { class: "legend" },
        h("caption", { class: "unseen" }, `${title}, by name`),
        h(
          "thead",
          { class: "unseen" },
          h(
            "tr",
            {},
            ["", "a minute", "an hour"].map((each) => h("th", { scope: "col" }, each || "name")),
          ),
        ),
        h(
          "tbody",
          {},
          series.map(([name, key, counts]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, h("i", { class: key, "aria-hidden": "true" }), name),
              h("td", {}, `${number(counts[last] ?? 0)} a minute`),
              h("td", {}, `${number(counts.reduce((sum, count) => sum + count, 0))} an hour`),
            ),
          ),
        ),
      ),
    );
  };
  put($("traffic"), [
    kinds.length
      ? part("Counted, by kind", kinds, "k", (name) => `${name}s`)
      : h("p", { class: "empty" }, "No event was counted in the last hour."),
    reasons.length
      ? part("Left out, by reason", reasons, "r", (name) => REASONS[name.slice(1)] ?? name.slice(1))
      : h("p", { class: "soft" }, "None was left out."),
  ]);
}

const size = (bytes) =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export function service(state, zone) {
  const { config } = state;
  const fact = (name, ...value) => [h("dt", {}, name), h("dd", {}, value)];
  const [host, pid] = (state.leader?.holder ?? "").split(":");
  const facts = [
    fact(
      "Settings",
      h("code", {}, config.version),
      ` in effect since ${clock(config.loaded_at, zone, true)}; `,
      `${plural(config.applied, "change")} taken over since the start`,
    ),
    config.refusal
      ? fact(
          "Refused",
          h("span", { class: "fault" }, config.refusal),
          config.refused_at ? ` at ${clock(config.refused_at, zone, true)}` : "",
        )
      : fact(
          "Last reload",
          config.refused
            ? `mended; ${plural(config.refused, "file was", "files were")} refused since the start`
            : "no file was refused since the start",
        ),
    config.at_next_start.length ? fact("Waiting for a start", config.at_next_start.join(", ")) : [],
    fact(
      "Leader",
      state.leader
        ? `process ${pid} on ${host}, term ${state.leader.epoch}`
        : h("span", { class: "fault" }, "no process does the scheduled work: is the jobs process running?"),
    ),
    state.store === "ok" ? [] : fact("Store", h("span", { class: "fault" }, state.store)),
    state.servers.map((each) =>
      fact(
        "Store",
        `${each.version}, ${size(each.memory)} of ${each.memory_limit ? size(each.memory_limit) : "no limit"}, `,
        each.persistent ? (each.writes ? "kept on disk" : "its last write to disk failed") : "not kept on disk",
      ),
    ),
    fact(
      "Waiting for a description",
      state.waiting.items
        ? [
            `${plural(state.waiting.items, "item")}, ${plural(state.waiting.reads, "read")} in the last hour: `,
            h("bdi", {}, state.waiting.top.map((each) => `${each.id} (${number(each.reads)})`).join(", ")),
          ]
        : "no item",
    ),
    fact("Feeds", state.feeds.length ? state.feeds.map(feedLine) : "none"),
    fact(
      "Pages of articles",
      state.discovery.advice ||
        (state.discovery.on
          ? `${number(state.discovery.waiting)} to be read, ${number(state.discovery.described)} described`
          : "not read"),
    ),
    fact("Waiting on disk", state.spooled_events ? plural(state.spooled_events, "event") : "nothing"),
  ];
  put($("service"), [
    h("dl", { class: "facts" }, facts.flat(2)),
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        { class: "jobs" },
        h("caption", {}, "Jobs"),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["job", "last run", "took", "every"].map((each) => h("th", { scope: "col" }, each)),
          ),
        ),
        h(
          "tbody",
          {},
          state.jobs.length
            ? state.jobs.map((run) =>
                h(
                  "tr",
                  {},
                  h(
                    "th",
                    { scope: "row" },
                    JOBS[run.job] ?? run.job,
                    run.error ? h("p", { class: "fault" }, run.error) : null,
                  ),
                  h("td", {}, ago(Math.max(0, state.now - run.at))),
                  h("td", {}, run.took_s < 1 ? `${Math.round(1000 * run.took_s)} ms` : span(run.took_s)),
                  h("td", {}, span(run.every_s)),
                ),
              )
            : h("tr", {}, h("td", { colspan: 4 }, "No run is known.")),
        ),
      ),
    ),
  ]);
}
