// What <populer-list> is made of: fills the lists of a page, writes text and never markup. The tracker loads it where a
// page has the element, and hands in what it knows.
// Served without comments and white space; the style below is served as it is written.
export default ({ about, home, record, site }) => {
  const visible = () => document.visibilityState === "visible";
  const parsed = new Promise((done) =>
    document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", done) : done()
  );

  // The http(s) address that a text is, else a falsy value.
  const web = (text) => {
    try {
      const url = new URL(text, document.baseURI);
      return text && /^https?:/.test(url) && url;
    } catch {}
  };

  const asking = (name, text) => (text ? `${name}=${encodeURIComponent(text)}&` : "");

  // An address without what differs between those of one page; ids that the service makes of addresses look the same.
  const place = (text) => {
    const url = web(text);
    return url && url.host.replace(/^(www|m|amp)\./, "") + url.pathname.replace(/\/$/, "") + url.search;
  };

  const make = (tag, name, text) => {
    const made = document.createElement(tag);
    made.className = "populer-" + name;
    made.textContent = text;
    return made;
  };

  const row = (item, pictured) => {
    const made = make("li", "item");
    if (item.id) made.dataset.id = item.id;
    if (pictured) {
      const src = web(item.image);
      const image = make(src ? "img" : "span", "image");
      if (src) Object.assign(image, { alt: "", loading: "lazy", width: 80, height: 60, src });
      image.onerror = () => image.replaceWith(make("span", "image"));
      made.append(image);
    }
    const link = make("a", "link", item.title);
    link.dir = "auto";
    if (web(item.url)) link.href = web(item.url);
    made.append(link);
    if (item.published_label) {
      const time = make("time", "time", item.published_label);
      const at = new Date(item.published_at * 1e3);
      if (at > 0) time.dateTime = at.toJSON();
      made.append(time);
    }
    return made;
  };

  // Lists wait here to be loaded, so that those of one query share a request. A hidden page refreshes nothing.
  const waiting = new Set();
  const ask = (list) => {
    waiting.add(list);
    setTimeout(send);
  };
  const send = () => {
    const groups = {};
    for (const list of waiting) {
      if (list.shown && !visible()) continue;
      waiting.delete(list);
      (groups[list.query] ||= []).push(list);
    }
    Object.values(groups).forEach(load);
  };
  // Where one of several names is unknown, each is asked for by itself. To refresh is to ask again, whatever the
  // browser has kept.
  const load = async (lists) => {
    const names = [...new Set(lists.map((list) => list.name))].sort();
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), 8e3);
    let found;
    try {
      const cache = lists[0].shown ? "no-cache" : "default";
      const answer = await fetch(lists[0].query + names.map(encodeURIComponent), { signal: patience.signal, cache });
      if (answer.status === 404 && names[1]) return lists.forEach((list) => load([list]));
      found = (await answer.json()).lists;
    } catch {}
    clearTimeout(timer);
    await parsed;
    lists.forEach((list) => list.take(() => found[list.name]));
  };

  // Lists that are told of changes. Nobody is told anything on a hidden page: it asks when it is looked at again.
  const live = new Set();
  document.addEventListener("visibilitychange", () => {
    if (visible()) return send();
    live.forEach((list) => {
      list.hush();
      ask(list);
    });
  });

  // Specificity is that of an element: any rule of the site's own with a class in it wins.
  const STYLE = `
populer-list{--p-accent:var(--populer-accent,#c4161c);--p-lines:var(--populer-lines,3)}
@media(prefers-color-scheme:dark){populer-list{--p-accent:var(--populer-accent,#ef5350)}}
populer-list:where(:not([hidden])){display:block}
populer-list :where(section){border-top:3px solid var(--p-accent)}
populer-list :where(.populer-heading){margin:.5em 0;font-size:1.4em;line-height:1.2}
populer-list :where(ol){margin:0;padding:0;list-style:none;counter-reset:n}
populer-list :where(li){position:relative;box-sizing:border-box;min-height:calc(var(--p-lines)*1.3em + 2.9em + 1px);margin:0;padding:.7em 0;border-top:1px solid #8885;counter-increment:n}
populer-list :where(a){color:inherit;font-weight:600;line-height:1.3;text-decoration:none}
populer-list :where(a:hover){text-decoration:underline}
populer-list :where(li a){display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:var(--p-lines);overflow:hidden;overflow-wrap:anywhere}
populer-list :where(li a)::after{content:"";position:absolute;inset:0}
populer-list :where(time){display:block;margin-top:.4em;font-size:.75em;line-height:1.6;opacity:.8;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
populer-list :where([aria-busy] a){height:1em;background:#8883}
populer-list :where(.populer-more){display:block;padding:.7em 0;border-top:1px solid #8885}
populer-list :where(.populer-more)::after{content:" →"}
populer-list :where(.populer-image),populer-list :where(li)::before{position:absolute;inset-inline-start:0}
populer-list :where(.populer-image){width:5em;height:3.75em;object-fit:cover;background:#8883}
populer-list:where([theme=thumbs]) :where(li){padding-inline-start:5.8em}
populer-list:where(:not([theme=plain],[theme=thumbs])) :where(li){padding-inline-start:2.5em}
populer-list:where(:not([theme=plain],[theme=thumbs])) :where(li)::before{content:counter(n);color:var(--p-accent);font-size:2em;font-weight:700;line-height:1}
populer-list:where([theme=compact]){--p-lines:2;font-size:.9em}
populer-list:where([theme=compact]) :where(li){min-height:calc(3.5em + 1px);padding-block:.45em}
populer-list:where([theme=compact]) :where(li)::before{font-size:1.5em}
populer-list:where([theme=compact]) :where(time){display:none}
`;
  // The second way is for Safari before 16.4.
  const dressed = new WeakSet();
  const dress = (root) => {
    if (dressed.has(root)) return;
    dressed.add(root);
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    } catch {
      const style = document.createElement("style");
      style.textContent = STYLE;
      (root.head || root).append(style);
    }
  };

  let count = 0;
  return class extends HTMLElement {
    connectedCallback() {
      this.number ||= ++count;
      this.addEventListener("click", this.follow);
      this.addEventListener("auxclick", this.follow);
      dress(this.getRootNode());
      parsed.then(() => this.firstElementChild || this.replaceChildren(this.box(Array(this.limit).fill({}))));
      ask(this);
    }
    disconnectedCallback() {
      this.hush();
      waiting.delete(this);
      clearTimeout(this.timer);
    }

    say(name, otherwise = "") {
      return this.getAttribute(name) || otherwise;
    }
    get name() {
      return this.say("list", "populer");
    }
    get limit() {
      return Math.min(Math.abs(parseInt(this.say("limit"))) || 7, 100);
    }
    get host() {
      return String(web(this.say("host")) || home).replace(/\/?$/, "/");
    }
    get site() {
      return this.say("site", site);
    }
    get path() {
      return encodeURIComponent(this.name);
    }
    get place() {
      const filters = ["section", "tag", "author", "language", "premium", "type"];
      return filters.map((name) => asking(name, this.say(name))).join("") + asking("site", this.site);
    }
    // One more than is shown, in case the open article is among them: every page asks for the same body.
    get part() {
      return asking("limit", this.limit + 1) + this.place;
    }
    get query() {
      return `${this.host}v1/lists?${this.part}names=`;
    }

    // What `found` gives is shown, and asked for again in a while; `found` throws where there is nothing to show.
    take(found) {
      let least;
      try {
        const list = found();
        const page = about();
        const here = [page.item, ...[page.url, location, location.pathname].map(place)].filter(Boolean);
        const items = list.items.filter(({ id, url }) => !here.includes(id) && !here.includes(place(url)));
        this.show(items.slice(0, this.limit), list);
        this.dispatchEvent(new CustomEvent("populer", { bubbles: true, detail: list }));
        this.listen();
      } catch {
        least = 60;
        if (!this.shown && this.querySelector("[aria-busy]")) this.hidden = true;
      }
      this.again(least);
    }
    again(least = 5) {
      const every = +this.say("refresh", 60);
      clearTimeout(this.timer);
      if (every > 0 && this.isConnected) {
        const next = () => (this.stream?.readyState === 1 ? this.again() : ask(this));
        this.timer = setTimeout(next, Math.min(Math.max(every, least), 86400) * 1e3);
      }
    }

    // While the stream is open nothing is asked; a service that gives none is asked for it with each list.
    listen() {
      if (!this.hasAttribute("live") || !this.isConnected || !visible() || this.stream?.readyState < 2) return;
      live.add(this);
      this.stream = new EventSource(`${this.host}v1/lists/${this.path}/stream?${this.part}`);
      this.stream.onmessage = ({ data }) => this.take(() => JSON.parse(data));
    }
    hush() {
      live.delete(this);
      this.stream?.close();
    }

    // A reader on the keyboard stays on the entry; where that has left the list, the list waits for the reader.
    show(items, list) {
      const box = this.box(items, list);
      const shown = box.outerHTML;
      const { activeElement } = this.getRootNode();
      const inside = this.contains(activeElement);
      const entry = inside && activeElement.closest("li");
      const index = entry ? items.findIndex(({ id }) => id === entry.dataset.id) : 0;
      if (shown === this.shown || index < 0) return;
      this.shown = shown;
      this.hidden = !items[0];
      this.replaceChildren(box);
      if (inside) this.querySelectorAll(entry ? "li a" : ".populer-more")[index]?.focus({ preventScroll: true });
    }

    // Without a list it is the place that is kept for one on its way.
    box(items, list) {
      const heading = make("h" + (parseInt(this.say("level")) || 2), "heading", this.say("heading", list?.title || this.name));
      heading.id = "populer-list-" + this.number;
      const rows = make("ol", "rows");
      rows.setAttribute("role", "list");
      if (!list) rows.setAttribute("aria-busy", true);
      rows.append(...items.map((item) => row(item, this.say("theme") === "thumbs")));
      const box = make("section", "box");
      box.setAttribute("aria-labelledby", heading.id);
      box.append(heading, rows);
      const all = `${this.host}lists/${this.path}?${this.place}`.slice(0, -1);
      const more = web(this.getAttribute("more") ?? all);
      if (more) {
        const link = make("a", "more", this.say("more-label", list?.more_label || "…"));
        link.href = more;
        link.setAttribute("aria-label", link.textContent + ": " + heading.textContent);
        box.append(link);
      }
      return box;
    }

    follow({ target, button }) {
      const link = target.closest("a[href]");
      const entry = link?.closest("li");
      if (!entry || button > 1) return;
      const event = entry.dataset.id ? { item: entry.dataset.id } : { url: link.href };
      const position = [...entry.parentNode.children].indexOf(entry) + 1;
      record({ ...event, kind: "click", source: "list:" + this.name, position }, this.host, this.site);
    }
  };
};
