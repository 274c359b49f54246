// Elements without HTML text: what comes from the service is only ever text, and the page's policy holds us to it.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** An element: h("p", { class: "soft" }, "text", other). */
export const h = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

/** An item's picture; nothing where there is none, or it cannot be had. */
export function picture(item) {
  const address = typeof item?.image === "string" ? item.image : item?.image?.url;
  if (!/^https?:/.test(address ?? "")) return null;
  const image = h("img", { class: "picture", alt: "", loading: "lazy", width: 48, height: 36, src: address });
  image.addEventListener("error", () => image.remove());
  return image;
}

/** Put these in the place of what an element holds; who had the keyboard there keeps it, known by `data-key`. */
export function put(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

export function show(element, shown = true) {
  element.hidden = !shown;
}

/** Say something in passing, with something to do about it. */
export function tell(text, action = null) {
  const note = h("div", { class: "note" }, h("span", {}, text));
  const away = setTimeout(() => note.remove(), 12_000);
  if (action) {
    const undo = h(
      "button",
      {
        type: "button",
        onclick: () => {
          clearTimeout(away);
          note.remove();
          action.does();
        },
      },
      action.name,
    );
    note.append(undo);
  }
  $("told").replaceChildren(note);
}
