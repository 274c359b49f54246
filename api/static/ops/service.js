// How the service fares: alarms, jobs, the leader, the settings' file and the store.

import { $, h, put } from "./dom.js";
import { ago, clock, decimal, number, span } from "./format.js";
import { has, named, t } from "./language.js";

/** How the last poll of a feed has fared. */
function feedLine(feed) {
  const faults = feed.faults ? `, ${t("feed.faults", { n: feed.faults, fault: feed.fault })}` : "";
  const read = feed.tried_at ? t("feed.entries", { n: feed.entries }) + faults : t("feed.never");
  return h("div", {}, h("bdi", {}, feed.url), ": ", feed.error ? h("span", { lang: "en" }, feed.error) : read);
}

export function alarms(found, zone, now) {
  put(
    $("alarms"),
    found.map((each) =>
      h(
        "div",
        { class: `alarm ${each.alarm}` },
        h("b", {}, named("alarm", each.alarm)),
        each.since
          ? h(
              "time",
              { datetime: new Date(1000 * each.since).toISOString(), title: clock(each.since, zone, "moment") },
              t("alarm.since", { span: span(Math.max(0, now - each.since)) }),
            )
          : null,
        has(`todo.${each.alarm}`) ? h("p", {}, t(`todo.${each.alarm}`)) : null,
        h("p", { class: "soft", lang: "en" }, `${each.says.charAt(0).toUpperCase()}${each.says.slice(1)}.`),
      ),
    ),
  );
  const standing = $("standing");
  standing.hidden = false;
  standing.classList.toggle("bad", found.length > 0);
  standing.textContent = found.length ? t("alarm.count", { n: found.length }) : t("alarm.none");
}

const size = (bytes) => (bytes >= 2 ** 30 ? `${decimal(bytes / 2 ** 30)} GiB` : `${decimal(bytes / 2 ** 20)} MiB`);

export function service(state, zone) {
  const { config } = state;
  const fact = (name, ...value) => [h("dt", {}, name), h("dd", {}, value)];
  const [host, pid] = (state.leader?.holder ?? "").split(":");
  const moment = (each) => clock(each, zone, "moment");
  const fault = (text) => h("span", { class: "fault" }, text);
  const facts = [
    fact(t("fact.settings"), h("code", {}, config.version), " ", t("fact.since", { moment: moment(config.loaded_at) })),
    fact(t("fact.file"), t("fact.file-of", { file: config.file, host: config.host })),
    config.refusal
      ? fact(
          t("fact.refused"),
          h("span", { class: "fault", lang: "en" }, config.refusal),
          ` ${config.refused_at ? moment(config.refused_at) : ""}`,
        )
      : fact(
          t("fact.reload"),
          t("fact.applied", { n: config.applied }),
          " ",
          t("fact.refusals", { n: config.refused }),
        ),
    config.at_next_start.length ? fact(t("fact.waiting"), config.at_next_start.join(", ")) : [],
    fact(
      t("fact.leader"),
      state.leader ? t("fact.lease", { process: pid, host, term: state.leader.epoch }) : fault(t("fact.no-leader")),
    ),
    state.jobs_processes.length > 1
      ? fact(
          t("fact.jobs-processes"),
          state.jobs_processes.map((each) => t("fact.jobs-process", { name: each.name, n: each.sites })).join(", "),
        )
      : [],
    state.store === "ok" ? [] : fact(t("fact.store"), fault(state.store)),
    state.servers.map((each) =>
      fact(
        t("fact.store"),
        `${each.version}, `,
        t("fact.memory", {
          used: size(each.memory),
          limit: each.memory_limit ? size(each.memory_limit) : t("span.none"),
        }),
        `, ${t(each.persistent ? (each.writes ? "fact.kept" : "fact.failed") : "fact.memory-only")}`,
      ),
    ),
    fact(
      t("fact.undescribed"),
      state.waiting.items
        ? [
            t("fact.waiting-items", { n: state.waiting.items, reads: state.waiting.reads }),
            " ",
            h("bdi", {}, state.waiting.top.map((each) => `${each.id} (${number(each.reads)})`).join(", ")),
          ]
        : t("fact.nothing"),
    ),
    fact(t("fact.feeds"), state.feeds.length ? state.feeds.map(feedLine) : t("fact.nothing")),
    fact(
      t("fact.pages"),
      state.discovery.advice ||
        (state.discovery.on
          ? t("fact.discovered", { n: state.discovery.waiting, described: state.discovery.described })
          : t("fact.unread")),
    ),
    fact(t("fact.backlog"), state.spooled_events ? t("fact.events", { n: state.spooled_events }) : t("fact.nothing")),
  ];
  put($("service"), [
    h("dl", { class: "facts" }, facts.flat(2)),
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        { class: "jobs" },
        h("caption", {}, t("jobs")),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["job", "last", "took", "every"].map((each) => h("th", { scope: "col" }, t(`jobs.${each}`))),
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
                    named("job", run.job),
                    run.error ? h("p", { class: "fault", lang: "en" }, run.error) : null,
                  ),
                  h("td", {}, ago(Math.max(0, state.now - run.at))),
                  h("td", {}, run.took_s < 1 ? `${number(1000 * run.took_s)} ms` : span(run.took_s)),
                  h("td", {}, span(run.every_s)),
                ),
              )
            : h("tr", {}, h("td", { colspan: 4 }, t("jobs.none"))),
        ),
      ),
    ),
  ]);
}
