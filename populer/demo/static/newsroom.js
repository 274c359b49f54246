/* Fills the boxes "Populer" and "UPDATE" from the public API and reports what readers read.

   A box is an element with data-list; its rows are built with DOM methods only, so that a title can never
   become markup. Whatever happens to the API, a reader keeps the last lists that arrived: they are also kept
   for the visit, so that the next page shows them at once. */

const LISTS_PATH = "/v1/lists";
const EVENTS_PATH = "/v1/events";
const REFRESH_MS = 5_000;
const SLOWEST_REFRESH_MS = 60_000;
const TIMEOUT_MS = 8_000;
const MARK_SHOWN_MS = 25_000;
const MOVE_MS = 650;
const KEPT_AS = "populer-demo-lists";

const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");
const clock = new Intl.DateTimeFormat("id-ID", {
  timeZone: "Asia/Jakarta", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const number = new Intl.NumberFormat("id-ID");

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/* Only addresses that lead to a page. Articles of this newsroom open on the host that the reader came by,
   which may be a name or a forwarded port that the service does not know. */
function safeHref(url) {
  if (typeof url !== "string" || url === "") return null;
  let parsed;
  try {
    parsed = new URL(url, window.location.href);
  } catch {
    return null;
  }
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") return null;
  return parsed.pathname.startsWith("/berita/") ? parsed.pathname : parsed.href;
}

/* A time of the API, epoch seconds or ISO 8601, as a Date; null if it is neither. */
function moment(value) {
  const at = new Date(typeof value === "number" ? value * 1000 : value ?? NaN);
  return Number.isNaN(at.getTime()) ? null : at;
}

function record(event) {
  navigator.sendBeacon(EVENTS_PATH, JSON.stringify(event));
}

/* What became of an item since the last snapshot. A generation lasts seconds, a glance does not: the mark
   stays for a while after the snapshot that caused it. */
class Marks {
  #shown = new Map();

  of(item, now) {
    const from = item.previous_rank;
    let mark = null;
    if (item.is_new) mark = { kind: "new", text: "Baru", spoken: "baru masuk daftar" };
    else if (Number.isInteger(from) && from > item.rank) {
      mark = { kind: "up", text: `▲ ${from - item.rank}`, spoken: `naik ${from - item.rank} peringkat` };
    } else if (Number.isInteger(from) && from < item.rank) {
      mark = { kind: "down", text: `▼ ${item.rank - from}`, spoken: `turun ${item.rank - from} peringkat` };
    }
    if (mark) {
      this.#shown.set(item.id, { mark, until: now + MARK_SHOWN_MS });
      return mark;
    }
    const shown = this.#shown.get(item.id);
    if (shown && shown.until > now) return shown.mark;
    this.#shown.delete(item.id);
    return null;
  }
}

class Box {
  #name;
  #full;
  #rows;
  #status;
  #marks = new Marks();
  #byId = new Map();

  constructor(root) {
    this.#name = root.dataset.list;
    this.#full = root.hasAttribute("data-full");
    this.#rows = root.querySelector("[data-rows]");
    this.#status = root.querySelector("[data-status]");
    this.size = Number(root.dataset.size);
    for (const kind of ["click", "auxclick"]) {
      this.#rows.addEventListener(kind, (event) => this.#clicked(event));
    }
  }

  get name() { return this.#name; }
  get full() { return this.#full; }

  show(list, { remembered = false } = {}) {
    const items = list.items.slice(0, this.size);
    const before = new Map([...this.#byId].map(([id, row]) => [id, row.getBoundingClientRect().top]));
    const ranks = new Map([...this.#byId].map(([id, row]) => [id, Number(row.dataset.rank)]));
    const next = new Map(items.map((item) => [item.id, this.#row(item)]));
    this.#place([...next.values()]);
    this.#byId = next;
    this.#rows.setAttribute("aria-busy", "false");
    if (!items.length) this.#rows.append(element("li", "rows-none", "Belum ada berita di daftar ini."));
    if (!remembered) this.#move(before, ranks);
    this.#tell(list, remembered);
  }

  /* Moving an element takes the focus from its link; a reader on the keyboard gets it back. */
  #place(wanted) {
    const focused = this.#rows.contains(document.activeElement) ? document.activeElement : null;
    const kept = new Set(wanted);
    for (const child of [...this.#rows.children]) if (!kept.has(child)) child.remove();
    wanted.forEach((row, index) => {
      const there = this.#rows.children[index];
      if (there !== row) this.#rows.insertBefore(row, there ?? null);
    });
    if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  #row(item) {
    const row = this.#byId.get(item.id) ?? this.#emptyRow();
    const link = row.querySelector("a");
    const href = safeHref(item.url);
    if (href) link.setAttribute("href", href);
    else link.removeAttribute("href");
    link.textContent = item.title;
    row.dataset.id = item.id;
    row.dataset.rank = item.rank;
    row.dataset.section = String(item.section ?? "").toLowerCase().replaceAll(" ", "-");
    row.querySelector(".row-rank").textContent = item.rank;
    row.classList.toggle("row--new", item.is_new === true);
    const meta = [];
    if (this.#full && item.section) meta.push(element("span", "row-section", item.section));
    if (item.published_label) {
      const time = element("time", "row-time", item.published_label);
      const at = moment(item.published_at);
      if (at) time.dateTime = at.toISOString();
      meta.push(time);
    }
    if (this.#full && this.#name === "populer" && Number.isFinite(item.views)) {
      meta.push(element("span", "row-views", `${number.format(item.views)} kali dibaca`));
    }
    const mark = this.#name === "update" ? null : this.#marks.of(item, performance.now());
    if (mark) {
      const shown = element("span", `move move--${mark.kind}`);
      const sign = element("span", "", mark.text);
      sign.setAttribute("aria-hidden", "true");
      shown.append(sign, element("span", "unseen", mark.spoken));
      meta.push(shown);
    }
    row.querySelector(".row-meta").replaceChildren(...meta);
    return row;
  }

  #emptyRow() {
    const row = element("li", "row");
    const rank = element("span", "row-rank");
    rank.setAttribute("aria-hidden", "true");
    const text = element("div", "row-text");
    const title = element("p", "row-title");
    title.append(element("a", ""));
    text.append(title, element("p", "row-meta"));
    row.append(rank, text);
    return row;
  }

  /* FLIP: every row starts where it stood and glides to where it now belongs. */
  #move(before, ranks) {
    if (stillness.matches || !before.size) return;
    for (const [id, row] of this.#byId) {
      const was = before.get(id);
      if (was === undefined) {
        row.animate([{ opacity: 0 }, { opacity: 1 }], { duration: MOVE_MS });
        continue;
      }
      const shift = was - row.getBoundingClientRect().top;
      if (!shift) continue;
      const climbed = Number(row.dataset.rank) < ranks.get(id);
      row.animate(
        [{ transform: `translateY(${shift}px)`, zIndex: climbed ? 2 : 1 },
         { transform: "none", zIndex: climbed ? 2 : 1 }],
        { duration: MOVE_MS, easing: "cubic-bezier(.2, .7, .2, 1)" },
      );
      if (climbed) {
        row.classList.add("row--climbed");
        row.addEventListener("animationend", () => row.classList.remove("row--climbed"), { once: true });
      }
    }
  }

  #tell(list, remembered) {
    const at = moment(list.generated_at);
    if (!this.#status || !at) return;
    const late = remembered || list.stale === true;
    this.#status.textContent = `${late ? "Terakhir" : "Diperbarui"} ${clock.format(at)}`;
  }

  #clicked(event) {
    if (event.type === "auxclick" && event.button !== 1) return;
    const row = event.target.closest("a")?.closest("[data-id]");
    if (!row) return;
    record({
      item: row.dataset.id,
      kind: "click",
      source: `list:${this.#name}`,
      position: Number(row.dataset.rank),
    });
  }
}

async function fetched(path) {
  const answer = await fetch(path, {
    headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

/* A long list may come in several answers. */
async function fullList(name, size) {
  const path = `${LISTS_PATH}/${encodeURIComponent(name)}?limit=`;
  const list = await fetched(path + size);
  let { next } = list;
  while (next && list.items.length < size) {
    const more = await fetched(`${path}${size - list.items.length}&cursor=${encodeURIComponent(next)}`);
    if (!more.items.length) break;
    list.items.push(...more.items);
    next = more.next;
  }
  return list;
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT_AS)) ?? {};
  } catch {
    return {};
  }
}

function remember(lists) {
  try {
    sessionStorage.setItem(KEPT_AS, JSON.stringify(lists));
  } catch {
    /* Private windows may refuse storage; the page works without. */
  }
}

class Lists {
  #boxes;
  #failures = 0;
  #timer = 0;
  #busy = false;

  constructor(boxes) {
    this.#boxes = boxes;
  }

  start() {
    const last = remembered();
    for (const box of this.#boxes) if (last[box.name]) box.show(last[box.name], { remembered: true });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.refresh();
    });
    this.refresh();
  }

  async refresh() {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    try {
      await this.#load();
      this.#failures = 0;
    } catch {
      // The boxes keep what they show. The service may be restarting: ask again, ever more patiently.
      this.#failures += 1;
    }
    this.#busy = false;
    if (document.hidden) return;
    this.#timer = setTimeout(
      () => this.refresh(), Math.min(REFRESH_MS * 2 ** this.#failures, SLOWEST_REFRESH_MS),
    );
  }

  async #load() {
    const short = this.#boxes.filter((box) => !box.full);
    const names = short.map((box) => box.name).join(",");
    const [answer, ...whole] = await Promise.all([
      short.length ? fetched(`${LISTS_PATH}?names=${names}`) : { lists: {} },
      ...this.#boxes.filter((box) => box.full).map(async (box) => [box, await fullList(box.name, box.size)]),
    ]);
    for (const box of short) if (answer.lists[box.name]) box.show(answer.lists[box.name]);
    for (const [box, list] of whole) box.show(list);
    remember({ ...remembered(), ...answer.lists, ...Object.fromEntries(whole.map(([box, list]) => [box.name, list])) });
  }
}

/* One view per page that somebody really sees: not for tabs opened in the background and never looked at. */
function recordView(item) {
  const whenSeen = () => {
    if (document.visibilityState !== "visible" || document.prerendering) return;
    document.removeEventListener("visibilitychange", whenSeen);
    document.removeEventListener("prerenderingchange", whenSeen);
    record({ item, kind: "view" });
  };
  document.addEventListener("visibilitychange", whenSeen);
  document.addEventListener("prerenderingchange", whenSeen);
  whenSeen();
}

/* On a phone the section bar is wider than the screen: bring the current section into view. */
function revealSection() {
  const current = document.querySelector(".sections [aria-current]");
  const bar = current?.closest("ul");
  if (bar) bar.scrollLeft = current.offsetLeft - (bar.clientWidth - current.offsetWidth) / 2;
}

revealSection();
const article = document.querySelector("[data-item]");
if (article) recordView(article.dataset.item);
const boxes = [...document.querySelectorAll("[data-list]")].map((root) => new Box(root));
if (boxes.length) new Lists(boxes).start();
