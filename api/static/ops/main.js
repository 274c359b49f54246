// The page: who is signed in, which list is looked at, and what is asked for again and how often.

import { Failure, ask, forget, forgetAll, keep, known } from "./api.js";
import { Desk } from "./desk.js";
import { $, h, put, show } from "./dom.js";
import { Evidence } from "./evidence.js";
import { Item } from "./item.js";
import { Live, views } from "./live.js";
import { alarms, service, traffic } from "./service.js";
import { Tuning } from "./tuning.js";

const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [1000, 15_000];
const TRAFFIC_MINUTES = 60;

const context = {
  site: $("site").value,
  zone: "UTC",
  decays: [],
  list: null,
  section: "",
  boosts: [],
  concentrated: [],
  pinned: false,
  open: (entry, what) => item.open(entry, what),
  learn: (items) => learn(items),
  changed: () => changed(),
  failed: (error) => failed(error),
};
/** Trying settings is for admins: an editor's key is not told what they are. */
const idle = { changes: {}, use() {}, renew() {}, draw() {}, want() {} };
const live = (context.live = new Live(context));
const tuning = (context.tuning = new Tuning(context));
const desk = (context.desk = new Desk(context));
const item = new Item(context);
const evidence = new Evidence(context);

let state = null;
const edits = () => state?.key.grade === "editor";
const trying = () => (edits() ? idle : tuning);
let pause = FIRST_PAUSE_MS;

/** What is asked for again, and every how many milliseconds; `at`: when it was asked last. */
const beats = [
  { every: 5_000, at: 0, does: refreshState },
  {
    get every() {
      return Math.min(10_000, Math.max(2_000, 1000 * (state?.refresh_every_s ?? 5)));
    },
    at: 0,
    does: refreshLive,
  },
  { every: 10_000, at: 0, does: () => edits() || refreshTraffic() },
  { every: 30_000, at: 0, does: () => desk.refresh() },
  { every: 300_000, at: 0, does: () => edits() || evidence.refresh() },
];

// Signing in

async function signIn(site, key) {
  const found = await ask("v1/ops/state", { site, key });
  keep(site, key);
  begin(found);
}

function signedOut(text = "") {
  state = null;
  show($("desk"), false);
  show($("sign-out"), false);
  show($("standing"), false);
  trouble(null);
  if ($("item").open) $("item").close();
  show($("sign-in"));
  $("sign-in-fault").textContent = text;
  $("key").value = "";
  $("key").focus();
}

$("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter ?? $("sign-in-form").querySelector("button");
  button.disabled = true;
  try {
    await signIn($("site").value, $("key").value.trim());
  } catch (error) {
    const words = {
      401: "This is not a key of this site. Its admin key is in keys.json of the data directory, or in the settings.",
      403: "This is the site’s write key. The page takes its admin key.",
    };
    $("sign-in-fault").textContent = words[error.status] ?? error.message;
    $("key").select();
  } finally {
    button.disabled = false;
  }
});

$("sign-out").addEventListener("click", () => {
  forgetAll();
  signedOut();
});

$("site").addEventListener("change", () => start());

/** Show a site: with the key that it is known by, else with that of the site before, which may be the same. */
async function start() {
  const before = context.site;
  const site = $("site").value;
  for (const key of new Set([known(site), known(before)].filter(Boolean))) {
    try {
      await signIn(site, key);
      return;
    } catch (error) {
      if (error.status !== 401 && error.status !== 403) {
        trouble(error);
        setTimeout(start, LONGEST_PAUSE_MS / 3);
        return;
      }
    }
  }
  signedOut();
}

function begin(found) {
  context.site = $("site").value;
  context.list = null;
  views.clear();
  show($("sign-in"), false);
  show($("desk"));
  show($("sign-out"));
  $("key").value = "";
  took(found);
  const asked = new URLSearchParams(location.hash.slice(1));
  choose(state.lists.find((each) => each.name === asked.get("list")) ?? state.lists[0], asked.get("section") ?? "");
}

// Which list is looked at

function choose(list, section = "") {
  context.list = list;
  context.section = list.sections.includes(section) ? section : "";
  context.boosts = [];
  history.replaceState(
    null,
    "",
    `#${new URLSearchParams(context.section ? { list: list.name, section: context.section } : { list: list.name })}`,
  );
  drawLists();
  live.clear();
  trying().use(list);
  for (const beat of beats) beat.at = 0;
  beat();
}

function drawLists() {
  put(
    $("lists"),
    state.lists.map((each) =>
      h(
        "button",
        {
          type: "button",
          "data-key": each.name,
          "aria-pressed": String(each.name === context.list.name),
          class: each.stale ? "stale" : "",
          onclick: () => choose(state.lists.find((one) => one.name === each.name)),
        },
        each.title || each.name,
        each.stale ? h("span", { class: "badge bad" }, "stale") : null,
      ),
    ),
  );
  const select = $("section");
  if (document.activeElement === select) return;
  put(
    select,
    h("option", { value: "" }, "All sections"),
    context.list.sections.map((each) => h("option", { value: each }, each)),
  );
  select.value = context.section;
}

$("section").addEventListener("change", () => choose(context.list, $("section").value));

for (const button of document.querySelectorAll(".behind")) {
  button.addEventListener("click", () => {
    const short = $(button.getAttribute("aria-controls")).classList.toggle("short");
    button.setAttribute("aria-expanded", String(!short));
  });
}

// What is asked for again and again

function took(found) {
  state = found;
  context.zone = found.site.timezone;
  context.decays = found.decays;
  context.concentrated = found.concentrated;
  alarms(found.alarms, context.zone, found.now);
  for (const each of document.querySelectorAll(".for-admins")) show(each, !edits());
  $("sign-out").title = `${found.key.name}: ${found.key.grade}`;
  if (!edits()) service(found, context.zone);
}

async function refreshState() {
  const { site } = context;
  const found = await ask("v1/ops/state", { site });
  if (site !== context.site) return;
  took(found);
  const list = found.lists.find((each) => each.name === context.list.name);
  if (!list) return choose(found.lists[0]);
  const other = JSON.stringify(list.settings) !== JSON.stringify(context.list.settings);
  context.list = list;
  drawLists();
  if (other) trying().renew(list);
}

async function refreshLive() {
  const other = await live.refresh();
  await learn(live.items.map((entry) => entry.id));
  if (other && Object.keys(trying().changes).length) trying().want();
}

async function learn(items) {
  const wanted = [...new Set([...items, ...live.items.map((entry) => entry.id)])];
  if (!wanted.length) return;
  try {
    if (await views.learn(context.site, wanted)) {
      live.draw(true);
      trying().draw();
    }
  } catch (error) {
    if (error.status === 0 || error.status === 401) throw error; // lines are missing, and all else is there
  }
}

async function refreshTraffic() {
  traffic(await ask("v1/ops/traffic", { site: context.site, query: { minutes: TRAFFIC_MINUTES } }), context.zone);
}

/** Something was changed: show it at once. */
async function changed() {
  await Promise.all([desk.refresh(), live.refresh()]);
  live.draw(true);
  trying().want();
}

async function inTurn(each, now) {
  each.at = now;
  each.busy = true;
  try {
    await each.does();
  } finally {
    each.busy = false;
  }
}

/** Ask for what is due. Where the service does not answer, ask less and less often, and say so. */
async function beat() {
  if (!state || document.hidden) return;
  const now = Date.now();
  const due = beats.filter((each) => !each.busy && now - each.at >= each.every);
  const done = await Promise.allSettled(due.map((each) => inTurn(each, now)));
  const wrong = done.filter((each) => each.status === "rejected").map((each) => each.reason);
  const worst = wrong.find((error) => error.status === 401 || error.status === 403) ?? wrong[0];
  if (worst) {
    failed(worst);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    done.forEach((each, at) => {
      if (each.status === "rejected") due[at].at = now - due[at].every + pause;
    });
  } else if (due.length) {
    pause = FIRST_PAUSE_MS;
    trouble(null);
  }
}

function failed(error) {
  if (!(error instanceof Failure)) throw error;
  if (error.status === 401 || error.status === 403) {
    forget(context.site);
    signedOut(error.message);
  } else {
    trouble(error);
  }
}

function trouble(error) {
  $("trouble").textContent = error
    ? `${error.message} What you see is what it said last; this page goes on asking.`
    : "";
  show($("trouble"), error !== null);
  $("desk").classList.toggle("old", error !== null);
}

setInterval(() => {
  if (!state) return;
  live.tick();
  beat();
}, 1000);
document.addEventListener("visibilitychange", beat);

if (known(context.site)) start();
else signedOut();
