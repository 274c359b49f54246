/* The demo's dock: follows /demo/state once a second while somebody looks, and has its two buttons pressed. */

const EVERY_MS = 1_000;
const SLOWEST_MS = 15_000;
const OPEN_AS = "populer-demo-dock";
const LABELS = {
  accepted: "Dihitung",
  robot: "Robot",
  limited: "Melampaui batas alamat",
  concentrated: "Terlalu banyak dari satu jaringan",
  duplicate: "Pembaca yang sama",
  prefetch: "Dimuat tanpa dibuka",
  new_item: "Berita tak dikenal",
  fetch: "Alamat dibuka langsung",
};
const HAPPENINGS = {
  published: "Terbit",
  shared: "Ramai dibagikan",
  urgent: "Kabar mendesak",
  robots: "Robot menyerang",
  repelled: "Robot selesai",
};
const TOLD = {
  breaking: "Kabar mendesak diterbitkan. Perhatikan daftar Populer dan UPDATE.",
  robots: "Robot dikirim. Rinciannya di bilah bawah; daftar Populer tetap di tempat.",
};

const number = new Intl.NumberFormat("id-ID");
const time = new Intl.DateTimeFormat("id-ID", {
  timeZone: "Asia/Jakarta", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const dock = document.querySelector("[data-dock]");
const part = (name) => dock.querySelector(`[data-${name}]`);
const panel = dock.querySelector(".dock-panel");
const more = part("more");
const said = part("said");

function make(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/* Text that changes once a second is touched only where it changes. */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function open(opened) {
  panel.hidden = !opened;
  more.setAttribute("aria-expanded", String(opened));
  try {
    sessionStorage.setItem(OPEN_AS, opened ? "1" : "");
  } catch { /* private windows may refuse it */ }
}

/* Bars by outcome: what counted first, then what did not, the most of it first. */
function bars(outcomes, total) {
  const rows = Object.entries(outcomes)
    .filter(([name, count]) => name === "accepted" || count)
    .sort(([a, n], [b, m]) => (a === "accepted" ? -1 : b === "accepted" ? 1 : m - n));
  return make("dl", "dock-bars", ...rows.map(([name, count]) => {
    const bar = make("span", "dock-measure");
    bar.style.setProperty("--share", total ? count / total : 0);
    const row = make(
      "div", name === "accepted" ? "dock-outcome dock-outcome--counted" : "dock-outcome",
      make("dt", "", LABELS[name] ?? name), make("dd", "", number.format(count), bar),
    );
    row.dataset.outcome = name;
    return row;
  }));
}

function rank(text, value) {
  return make("div", "", make("dt", "", text), make("dd", "", value ? String(value) : "–"));
}

let attackShown = "";
function showAttack(attack) {
  const text = JSON.stringify(attack);
  if (!attack || text === attackShown) return;
  attackShown = text;
  const ranks = make(
    "dl", "dock-ranks", rank("Peringkat sebelum", attack.rank_before), rank("Peringkat sekarang", attack.rank),
    rank("Jika semua dipercaya", attack.rank_if_believed),
  );
  const title = make("p", "dock-target", attack.over ? "Selesai: " : "Berlangsung: ", make("b", "", `“${attack.title}”`));
  const why = make("a", "", "Penjelasan peringkatnya");
  why.href = `/peragaan/mengapa/${encodeURIComponent(attack.id)}`;
  const sent = make("p", "dock-note", `${number.format(attack.sent)} bacaan palsu dikirim. `, why);
  part("attack").replaceChildren(title, bars({ accepted: 0, ...attack.outcomes }, attack.sent), ranks, sent);
}

let happeningsShown = "";
function showHappenings(happenings) {
  const text = JSON.stringify(happenings);
  if (text === happeningsShown) return;
  happeningsShown = text;
  part("happenings").replaceChildren(...happenings.slice(0, 6).map(({ at, kind, title, path }) => {
    const link = make("a", "", title);
    link.href = path;
    const when = make("time", "", time.format(new Date(at * 1000)));
    when.dateTime = new Date(at * 1000).toISOString();
    return make("li", "", when, make("b", "", HAPPENINGS[kind] ?? kind), link);
  }));
}

function showTicker({ title, path, urgent }) {
  const ticker = document.querySelector("[data-ticker]");
  const link = ticker.querySelector("[data-ticker-link]");
  if (link.getAttribute("href") === path) return;
  link.href = path;
  link.textContent = title;
  put(ticker.querySelector("[data-ticker-label]"), urgent ? "Mendesak" : "Terkini");
  ticker.classList.toggle("ticker--urgent", urgent);
}

/* The sun stands on the curve at the readers' hour. */
const curve = dock.querySelector(".dock-curve path");
const length = curve.getTotalLength();
function showSun(day) {
  const x = day * 96;
  let [low, high] = [0, length];
  while (high - low > 0.1) {
    const middle = (low + high) / 2;
    if (curve.getPointAtLength(middle).x < x) low = middle;
    else high = middle;
  }
  const at = curve.getPointAtLength(low);
  part("sun").setAttribute("cx", at.x.toFixed(1));
  part("sun").setAttribute("cy", at.y.toFixed(1));
}

let attacked = false;
function show(state) {
  put(part("clock"), state.clock);
  put(part("rate"), number.format(Math.round(state.views_per_s)));
  const { accepted = 0, ...left } = state.outcomes;
  const sieved = Object.values(left).reduce((sum, count) => sum + count, 0);
  put(part("counted"), number.format(accepted));
  put(part("sieved"), number.format(sieved));
  showSun(state.day);
  showTicker(state.newest);
  showAttack(state.attack);
  const busy = state.attack !== null && !state.attack.over;
  dock.querySelector("[data-wish=robots]").setAttribute("aria-disabled", String(busy));
  if (attacked && !busy) {
    said.textContent = `Serangan selesai: ${number.format(state.attack.sent)} dikirim, ${
      number.format(state.attack.outcomes.accepted ?? 0)} dihitung.`;
  }
  attacked = busy;
  if (panel.hidden) return;
  part("outcomes").replaceChildren(bars(state.outcomes, accepted + sieved));
  showHappenings(state.happenings);
}

let failures = 0;
let timer = 0;
async function follow() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const answer = await fetch("/demo/state", { signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.json());
    failures = 0;
  } catch {
    failures += 1;
  }
  timer = setTimeout(follow, Math.min(EVERY_MS * 2 ** failures, SLOWEST_MS));
}

for (const button of dock.querySelectorAll("[data-wish]")) {
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    const wish = button.dataset.wish;
    if (wish === "robots") open(true);
    try {
      const answer = await fetch(`/demo/${wish}`, { method: "POST" });
      said.textContent = answer.ok ? TOLD[wish] : "Layanan tidak menjawab.";
    } catch {
      said.textContent = "Layanan tidak menjawab.";
    }
    setTimeout(follow, 600);
  });
}
more.addEventListener("click", () => {
  open(panel.hidden);
  follow();
});
document.addEventListener("visibilitychange", follow);

dock.classList.add("dock--ready");
try {
  open(sessionStorage.getItem(OPEN_AS) === "1");
} catch { /* closed, then */ }
follow();
