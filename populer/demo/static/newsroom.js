/* What this newsroom adds to the lists that it embeds. populer.js fills them; each time it has, the element says
   "populer" with the list, and here the rows get their marks and glide from where they stood. */

const MOVE_MS = 650;
const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function markOf(item) {
  const from = item.previous_rank;
  if (item.is_new) return { kind: "new", text: "Baru", spoken: "baru masuk daftar" };
  if (!Number.isInteger(from) || from === item.rank) return null;
  const steps = Math.abs(from - item.rank);
  return from > item.rank
    ? { kind: "up", text: `▲ ${steps}`, spoken: `naik ${steps} peringkat` }
    : { kind: "down", text: `▼ ${steps}`, spoken: `turun ${steps} peringkat` };
}

function mark(row, item) {
  const found = markOf(item);
  const shown = row.querySelector(".move");
  if (shown?.dataset.text === found?.text) return;
  shown?.remove();
  if (!found) return;
  const made = element("span", `move move--${found.kind}`);
  made.dataset.text = found.text;
  const sign = element("span", "", found.text);
  sign.setAttribute("aria-hidden", "true");
  made.append(sign, element("span", "unseen", `, ${found.spoken}`));
  row.append(made);
}

/* FLIP: every row starts where it stood and glides to where it now belongs. */
function glide(row, was, climbed) {
  const shift = was - row.offsetTop;
  if (!shift) return;
  row.animate(
    [{ transform: `translateY(${shift}px)`, zIndex: climbed ? 2 : 1 }, { transform: "none", zIndex: climbed ? 2 : 1 }],
    { duration: MOVE_MS, easing: "cubic-bezier(.2, .7, .2, 1)" },
  );
  if (climbed) row.classList.add("climbed");
}

const before = new WeakMap();

document.addEventListener("populer", ({ target, detail }) => {
  const items = new Map(detail.items.map((item) => [item.id, item]));
  const rows = [...target.querySelectorAll("li[data-id]")];
  const was = before.get(target);
  const now = new Map(rows.map((row) => [row.dataset.id, row.offsetTop]));
  const same = was?.rows[0] === rows[0] && was?.rows.length === rows.length;
  for (const row of rows) {
    const item = items.get(row.dataset.id);
    if (item && target.getAttribute("list") !== "update") mark(row, item);
    if (!was || same || stillness.matches) continue;
    const top = was.tops.get(row.dataset.id);
    if (top === undefined) row.animate([{ opacity: 0 }, { opacity: 1 }], { duration: MOVE_MS });
    else glide(row, top, top > row.offsetTop);
  }
  before.set(target, { rows, tops: now });
});

/* On a phone the section bar is wider than the screen: bring the current section into view. */
const current = document.querySelector(".sections [aria-current]");
const bar = current?.closest("ul");
if (bar) bar.scrollLeft = current.offsetLeft - (bar.clientWidth - current.offsetWidth) / 2;
