"use strict";
(() => {
  const found = JSON.parse(document.getElementById("lists").textContent);
  const slider = document.getElementById("moment");
  const label = document.getElementById("moment-label");
  const cursor = document.getElementById("cursor");
  const columns = [...document.querySelectorAll("[data-column]")];
  const width = Number(slider.dataset.width);

  const entry = (item, reads, hit, only) => {
    const [title, url] = found.items[item];
    const row = document.createElement("li");
    const name = document.createElement(url ? "a" : "b");
    if (url) {
      name.href = url;
      name.rel = "noreferrer";
    }
    name.textContent = title;
    const count = document.createElement("span");
    count.textContent = reads.toLocaleString("en");
    row.append(name, count);
    row.classList.toggle("hit", hit);
    row.classList.toggle("only", only);
    return row;
  };

  const show = () => {
    const step = Number(slider.value);
    const lists = found.lists.map((list) => list[step]);
    const best = new Set(lists[2]);
    label.textContent = found.at[step];
    slider.setAttribute("aria-valuetext", found.at[step]);
    const x = (step / Math.max(found.at.length - 1, 1)) * width;
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    columns.forEach((column, number) => {
      const other = new Set(lists[number === 0 ? 1 : 0]);
      column.querySelector("ol").replaceChildren(
        ...lists[number].map((item, place) =>
          entry(item, found.reads[number][step][place], number < 2 && best.has(item), number < 2 && !other.has(item))
        )
      );
      const share = number < 2 ? found.capture[number][step] : undefined;
      if (number < 2) {
        column.querySelector("h3 span").textContent = share === null ? "–" : `${(100 * share).toFixed(0)} %`;
      }
    });
  };

  slider.addEventListener("input", show);
  show();
})();
