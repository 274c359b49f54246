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
    const names = [...new Set(lists.flatMap((list) => list.names))].sort();
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), 8e3);
    const queries = lists.map((list) => list.query);
    let found;
    try {
      const cache = lists[0].shown ? "no-cache" : "default";
      const answer = await fetch(queries[0] + names.map(encodeURIComponent), { signal: patience.signal, cache });
      if (answer.status === 404 && lists[1]) return lists.forEach((list) => load([list]));
      found = await answer.json();
    } catch {}
    clearTimeout(timer);
    await parsed;
    // What has been changed meanwhile waits for an answer of its own.
    lists.forEach((list, index) => list.query === queries[index] && list.element.isConnected && list.take(found));
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
@supports(color:light-dark(red,red)){populer-list{--p-accent:var(--populer-accent,light-dark(#c4161c,#ef5350))}}
populer-list:where(:not([hidden])){display:block}
populer-list :where(section){border-top:3px solid var(--p-accent)}
populer-list :where(.populer-heading){margin:.5em 0;font-size:1.4em;line-height:1.2}
populer-list :where(ol){margin:0;padding:0;list-style:none;counter-reset:n}
populer-list :where(li){position:relative;box-sizing:border-box;margin:0;padding:.7em 0;border-top:1px solid #8885;counter-increment:n}
populer-list :where(a){color:inherit;font-weight:600;line-height:1.3;text-decoration:none}
populer-list :where(a:hover){text-decoration:underline}
populer-list :where(li a){display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:var(--p-lines);overflow:hidden;overflow-wrap:anywhere}
populer-list :where(li a)::after{content:"";position:absolute;inset:0}
populer-list :where(time){display:block;margin-top:.4em;font-size:.75em;line-height:1.6;opacity:.8;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
populer-list :where([aria-busy] a){height:2.6em;background:#8883}
populer-list :where([aria-busy] li)::after{content:"";display:block;height:1.2em;margin-top:.3em}
populer-list :where(.populer-views){display:block;font-size:.75em;line-height:1.6;opacity:.8}
populer-list :where(.populer-tabs){display:flex;overflow-x:auto}
populer-list :where(.populer-tab){flex:1;padding:.7em .5em;border:0;border-bottom:3px solid #0000;background:none;color:inherit;font:inherit;font-weight:700;white-space:nowrap;cursor:pointer}
populer-list :where(.populer-tab[aria-selected=true]){border-color:var(--p-accent)}
populer-list :where(.populer-more){display:block;padding:.7em 0;border-top:1px solid #8885}
populer-list :where(.populer-more)::after{content:" →"}
populer-list :where(.populer-image),populer-list :where(li)::before{position:absolute;inset-inline-start:0}
populer-list :where(.populer-image){width:5em;height:3.75em;object-fit:cover;background:#8883}
populer-list:where([theme=thumbs]) :where(li){padding-inline-start:5.8em}
populer-list:where(:not([theme=plain],[theme=thumbs])) :where(li){padding-inline-start:2.5em}
populer-list:where(:not([theme=plain],[theme=thumbs])) :where(li)::before{content:counter(n);color:var(--p-accent);font-size:2em;font-weight:700;line-height:1}
populer-list:where([theme=compact]){--p-lines:2;font-size:.9em}
populer-list:where([theme=compact]) :where(li){padding-block:.45em}
populer-list:where([theme=compact]) :where([aria-busy] li)::after{content:none}
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

  // What a page may say of a list, and has as properties too. What changes where a list comes from has it loaded anew.
  const FILTERS = ["section", "tag", "author", "language", "premium", "type"];
  const SOURCES = ["list", "site", "host", "limit", ...FILTERS];
  const FLAGS = ["live", "views"];
  const WORDS = ["theme", "heading", "level", "more", "more-label", "refresh"];
  const NAMES = [...SOURCES, ...FLAGS, ...WORDS];
  const property = (name) => name.replace("-l", "L");
  const THEMES = ["", "numbered", "plain", "thumbs", "compact", "tabs"];
  const warned = new Set();
  const warn = (text) => {
    warned.has(text) || console.warn("<populer-list>: " + text);
    warned.add(text);
  };

  // A list in its place on the page. Nothing of it stands on the element, where frameworks set properties.
  let count = 0;
  class List {
    constructor(element) {
      this.element = element;
      this.number = ++count;
      this.tab = 0;
    }
    open() {
      const { element } = this;
      for (const kind of ["click", "auxclick"]) element.addEventListener(kind, this);
      dress(element.getRootNode());
      // What a framework has set before there were properties.
      for (const name of NAMES.map(property)) {
        if (!element.hasOwnProperty(name)) continue;
        const value = element[name];
        delete element[name];
        element[name] = value;
      }
      const theme = this.say("theme");
      THEMES.includes(theme) || warn(`theme="${theme}" is unknown. Themes: ${THEMES.slice(1).join(", ")}.`);
      const limit = this.say("limit");
      !limit || (limit > 0 && limit <= 100) || warn(`limit="${limit}" is not a number from 1 to 100.`);
      parsed.then(() => element.firstElementChild || this.wait());
      ask(this);
    }
    close() {
      this.hush();
      waiting.delete(this);
      clearTimeout(this.timer);
    }
    wait() {
      this.shown = this.found = 0;
      this.element.hidden = false;
      this.element.replaceChildren(this.box());
    }
    change(name) {
      if (!SOURCES.includes(name)) return this.found && this.render();
      this.close();
      this.tab = 0;
      this.wait();
      ask(this);
    }

    say(name, otherwise = "") {
      return this.element.getAttribute(name) || otherwise;
    }
    // Only tabs show more lists than the first that is named.
    get names() {
      const names = this.say("list", "populer").trim().split(/\s+/);
      return this.say("theme") === "tabs" ? [...new Set(names)] : names.slice(0, 1);
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
    get place() {
      return FILTERS.map((name) => asking(name, this.say(name))).join("") + asking("site", this.site);
    }
    // One more than is shown, in case the open article is among them: every page asks for the same body.
    get part() {
      return asking("limit", this.limit + 1) + this.place;
    }
    get query() {
      return `${this.host}v1/lists?${this.part}names=`;
    }

    // What was found is shown, and asked for again in a while. Without any of its lists the element hides.
    take(answer) {
      const before = this.found;
      let shown;
      try {
        this.found = this.names.map((name) => answer.lists[name]).filter((list) => list?.items);
        shown = this.found[0] && this.render();
      } catch {
        this.found = before;
      }
      if (shown) {
        const { found } = this;
        this.element.dispatchEvent(new CustomEvent("populer", { bubbles: true, detail: found[this.tab] || found[0] }));
        this.listen();
      } else {
        for (const text of [answer?.detail, ...Object.values(answer?.missing || {})]) text && warn(text);
        if (!this.shown && this.element.querySelector("[aria-busy]")) this.element.hidden = true;
      }
      this.again(shown ? 5 : 60);
    }
    again(least = 5) {
      const every = +this.say("refresh", 60);
      clearTimeout(this.timer);
      if (every > 0 && this.element.isConnected) {
        const next = () => (this.stream?.readyState === 1 ? this.again() : ask(this));
        this.timer = setTimeout(next, Math.min(Math.max(every, least), 86400) * 1e3);
      }
    }

    // While the stream is open nothing is asked; a service that gives none is asked for it with each list.
    listen() {
      const { element, names } = this;
      if (!element.hasAttribute("live") || names[1] || !element.isConnected || !visible()) return;
      if (this.stream?.readyState < 2 || !window.EventSource) return;
      live.add(this);
      this.stream = new EventSource(`${this.host}v1/lists/${encodeURIComponent(names[0])}/stream?${this.part}`);
      this.stream.onmessage = ({ data }) => {
        try {
          this.take({ lists: { [names[0]]: JSON.parse(data) } });
        } catch {}
      };
    }
    hush() {
      live.delete(this);
      this.stream?.close();
    }

    // True once it is shown. A reader on the keyboard stays on the entry; where that has left the list, the list waits for the reader.
    render() {
      const { element } = this;
      const page = about();
      const here = [page.item, ...[page.url, location, location.pathname].map(place)].filter(Boolean);
      const others = ({ items }) =>
        items.filter(({ id, url }) => !here.includes(id) && !here.includes(place(url))).slice(0, this.limit);
      this.tab = Math.min(this.tab, this.found.length - 1);
      const items = others(this.found[this.tab]);
      const box = this.box(items);
      const shown = box.outerHTML;
      const { activeElement } = element.getRootNode();
      const inside = element.contains(activeElement);
      const entry = inside && activeElement.closest("li");
      const index = entry ? items.findIndex(({ id }) => id === entry.dataset.id) : 0;
      if (shown === this.shown || index < 0) return true;
      this.shown = shown;
      element.hidden = !items[0] && !this.found[1];
      const kept = entry ? "li a" : activeElement?.role === "tab" ? "[aria-selected=true]" : ".populer-more";
      element.replaceChildren(box);
      if (inside) element.querySelectorAll(kept)[index]?.focus({ preventScroll: true });
      return true;
    }

    // Without items it is the place that is kept for a list on its way.
    box(items) {
      const list = items && this.found[this.tab];
      const name = list?.list || this.names[0];
      const title = list?.title || name;
      const box = make("section", "box");
      const heading = make("h" + (parseInt(this.say("level")) || 2), "heading", this.say("heading", title));
      heading.id = "populer-list-" + this.number;
      const rows = make("ol", "rows");
      rows.setAttribute("role", "list");
      if (!items) rows.setAttribute("aria-busy", true);
      rows.append(...(items || Array(this.limit).fill({})).map((item) => this.row(item, list)));
      if (items && this.names[1]) {
        box.append(this.tabs());
        rows.setAttribute("aria-label", title);
      } else {
        box.setAttribute("aria-labelledby", heading.id);
        box.append(heading);
      }
      box.append(rows);
      const all = `${this.host}lists/${encodeURIComponent(name)}?${this.place}`.slice(0, -1);
      const more = web(this.element.getAttribute("more") ?? all);
      if (more) {
        const link = make("a", "more", this.say("more-label", list?.more_label || "…"));
        link.href = more;
        link.setAttribute("aria-label", link.textContent + ": " + this.say("heading", title));
        box.append(link);
      }
      return box;
    }
    tabs() {
      const tabs = make("div", "tabs");
      tabs.setAttribute("role", "tablist");
      tabs.append(
        ...this.found.map((list, index) => {
          const tab = make("button", "tab", list.title || list.list);
          const chosen = index === this.tab;
          tab.type = "button";
          tab.setAttribute("role", "tab");
          tab.setAttribute("aria-selected", chosen);
          tab.tabIndex = chosen ? 0 : -1;
          tab.onclick = () => this.choose(index);
          tab.onkeydown = ({ key }) => {
            const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
            if (step) this.choose((index + step + this.found.length) % this.found.length);
          };
          return tab;
        })
      );
      return tabs;
    }
    choose(tab) {
      this.tab = tab;
      this.render();
    }
    row(item, list) {
      const made = make("li", "item");
      if (item.id) made.dataset.id = item.id;
      const src = this.say("theme") === "thumbs" && web(item.image);
      if (src) {
        const image = Object.assign(make("img", "image"), { alt: "", loading: "lazy", width: 80, height: 60, src });
        image.onerror = () => image.remove();
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
      if (this.element.hasAttribute("views") && item.views > 0 && list.views_label)
        made.append(make("span", "views", list.views_label.replace("{}", item.views.toLocaleString(list.language))));
      return made;
    }

    handleEvent({ target, button }) {
      const link = target.closest("a[href]");
      const entry = link?.closest("li");
      if (!entry || button > 1) return;
      const event = entry.dataset.id ? { item: entry.dataset.id } : { url: link.href };
      const position = [...entry.parentNode.children].indexOf(entry) + 1;
      const { list } = this.found?.[this.tab] || {};
      record({ ...event, kind: "click", source: "list:" + (list || this.names[0]), position }, this.host, this.site);
    }
  }

  const lists = new WeakMap();
  const list = (element) => lists.get(element) || lists.set(element, new List(element)).get(element);
  class Element extends HTMLElement {
    connectedCallback() {
      list(this).open();
    }
    disconnectedCallback() {
      list(this).close();
    }
    attributeChangedCallback(name) {
      if (this.isConnected) list(this).change(name);
    }
  }
  for (const name of NAMES) {
    const flag = FLAGS.includes(name);
    Object.defineProperty(Element.prototype, property(name), {
      get() {
        return flag ? this.hasAttribute(name) : this.getAttribute(name);
      },
      set(value) {
        if (value == null || value === false) this.removeAttribute(name);
        else this.setAttribute(name, value === true ? "" : value);
      },
    });
  }
  return Element;
};
