// The page: what is looked at, and what is asked for again and how often.

import { Failure, ask, forget } from "./api.js";
import { Article } from "./article.js";
import { Catalogue } from "./catalogue.js";
import { Desk } from "./desk.js";
import { $, show } from "./dom.js";
import { Drag } from "./drag.js";
import { Evidence } from "./evidence.js";
import { Find } from "./find.js";
import { t } from "./language.js";
import { Item } from "./item.js";
import { Live, views } from "./live.js";
import { drawLists } from "./picker.js";
import { Places, parameters } from "./places.js";
import { Ranges } from "./ranges.js";
import { alarms, service } from "./service.js";
import { Session } from "./session.js";
import { Today } from "./today.js";
import { traffic } from "./traffic.js";
import { Tuning } from "./tuning.js";

const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [1000, 15_000];
const TRAFFIC_MINUTES = 60;

let state = null;
let pause = FIRST_PAUSE_MS;

const places = new Places(enter);
const session = new Session({ begin, end, trouble });
const context = {
  places,
  zone: "UTC",
  decays: [],
  list: null,
  section: "",
  boosts: [],
  concentrated: [],
  pinned: false,
  get site() {
    return session.site;
  },
  open: (entry, what) => item.open(entry, what),
  learn: (items) => learn(items),
  changed: () => changed(),
  failed: (error) => failed(error),
};
const catalogue = (context.catalogue = new Catalogue(context));
const live = (context.live = new Live(context));
context.drag = new Drag(context);
const tuning = (context.tuning = new Tuning(context));
const desk = (context.desk = new Desk(context));
const item = new Item(context);
const evidence = new Evidence(context);
const pages = { today: new Today(context), ranges: new Ranges(context), item: new Article(context) };
new Find(context);

const isOn = (...names) => names.includes(places.page);

/** What is asked for again, on which pages, and every how many milliseconds; `at`: when it was asked last. */
const beats = [
  {
    get every() {
      return tuning.isTrying && isOn("settings") ? 1_000 : 5_000; // somebody who pastes the lines waits for them
    },
    at: 0,
    does: refreshState,
  },
  {
    get every() {
      return Math.min(10_000, Math.max(2_000, 1000 * (state?.refresh_every_s ?? 5)));
    },
    at: 0,
    on: ["lists", "settings"],
    does: refreshLive,
  },
  { every: 10_000, at: 0, on: ["state"], does: refreshTraffic },
  { every: 30_000, at: 0, on: ["lists", "settings"], does: () => desk.refresh() },
  { every: 60_000, at: 0, on: ["today"], does: () => pages.today.refresh() },
  { every: 300_000, at: 0, on: ["settings"], does: () => evidence.refresh() },
];

function begin(found) {
  context.list = null;
  views.clear();
  catalogue.clear();
  takeState(found);
  const wanted = parameters();
  const list = state.lists.find((each) => each.name === wanted.get("list")) ?? state.lists[0];
  places.rooms = [];
  choose(list, wanted.get("section") ?? "");
  places.open(state.key.grade);
}

function end() {
  state = null;
  places.leave();
  trouble(null);
}

function enter(page) {
  if (!state) return;
  const wanted = parameters(); // who goes back, or follows a link, sees the list that it names
  const list = state.lists.find((each) => each.name === wanted.get("list")) ?? context.list;
  const section = wanted.get("section") ?? "";
  if (list.name !== context.list.name || (section !== context.section && list.sections.includes(section)))
    choose(list, section);
  if (isOn("settings")) tuning.want();
  pages[page]?.enter?.();
  for (const each of beats) if (each.on?.includes(page)) each.at = 0;
  beat();
}

// Which list is looked at

function choose(list, section = "") {
  context.list = list;
  context.section = list.sections.includes(section) ? section : "";
  context.boosts = [];
  places.note({ list: list.name, section: context.section });
  drawLists(state.lists, context, choose);
  live.clear();
  if (state.key.grade === "admin") tuning.use(list);
  for (const each of beats) each.at = 0;
  beat();
}

$("section").addEventListener("change", () => choose(context.list, $("section").value));

for (const button of document.querySelectorAll(".behind")) {
  button.addEventListener("click", () => {
    const short = $(button.getAttribute("aria-controls")).classList.toggle("short");
    button.setAttribute("aria-expanded", String(!short));
  });
}

// What is asked for again and again

function takeState(found) {
  state = found;
  context.state = found;
  context.zone = found.site.timezone;
  context.decays = found.decays ?? [];
  context.concentrated = found.concentrated ?? [];
  $("sign-out").title = `${found.key.name}: ${found.key.grade}`;
  if (found.key.grade !== "admin") return show($("standing"), false);
  alarms(found.alarms, context.zone, found.now);
  service(found, context.zone);
}

async function refreshState() {
  const { site } = context;
  const found = await ask("v1/ops/state", { site });
  if (site !== context.site) return;
  takeState(found);
  const list = found.lists.find((each) => each.name === context.list.name);
  if (!list) return choose(found.lists[0]);
  const isOther = JSON.stringify(list.settings) !== JSON.stringify(context.list.settings);
  context.list = list;
  drawLists(state.lists, context, choose);
  if (isOther && list.settings) tuning.renew(list);
}

async function refreshLive() {
  const isOther = await live.refresh();
  await learn(live.items.map((entry) => entry.id));
  if (isOther && tuning.isTrying) tuning.want();
}

async function learn(items) {
  const wanted = [...new Set([...items, ...live.items.map((entry) => entry.id)])];
  if (!wanted.length) return;
  try {
    if (await views.learn(context.site, wanted)) {
      live.draw(true);
      tuning.draw();
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
  if (isOn("settings")) tuning.want();
  if (isOn("item")) pages.item.enter();
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
  const due = beats.filter((each) => !each.busy && (!each.on || isOn(...each.on)) && now - each.at >= each.every);
  const done = await Promise.allSettled(due.map((each) => inTurn(each, now)));
  const wrong = done.filter((each) => each.status === "rejected").map((each) => each.reason);
  const worst = wrong.find((error) => error.isKeyRefused) ?? wrong[0];
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
  if (error.isKeyRefused) {
    forget(context.site);
    session.signedOut(error.message);
  } else {
    trouble(error);
  }
}

function trouble(error) {
  $("trouble").textContent = error ? `${error.message} ${t("trouble.old")}` : "";
  show($("trouble"), error !== null);
  $("desk").classList.toggle("old", error !== null);
}

setInterval(() => {
  if (!state) return;
  live.tick();
  beat();
}, 1000);
document.addEventListener("visibilitychange", beat);

session.start();
