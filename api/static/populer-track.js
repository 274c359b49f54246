// Populer for a site's pages: counts each article that is really seen.
// It keeps one random value in the tab's sessionStorage, and what fails in here stays in here.
// Served without comments and white space.
(() => {
  const current = document.currentScript;
  // A later tag of the page hands itself to the script that is there.
  const { add: first, q } = window.populer || {};
  if (first) return first(current);

  // A module has no current script, and one that an optimiser has moved into another file has nothing of its tag.
  const find = (css) => document.querySelector(css);
  let script = find("script[data-host]") || current || find("script[type=module][src*=populer]");
  let given = script?.dataset || {};
  const home = given.host ? given.host + "/" : script?.src.replace(/[^/]*$/, "");

  const say = (why) => console.debug("populer:", why);

  // A tab is one reader. "+" says that its page is open: a copy of that is another tab's, made from this one. Without
  // storage each page is a reader.
  const own = "" + Math.random();
  let reader;
  const keep = () => (sessionStorage.populer = (document.hidden ? "-" : "+") + reader);
  const visitor = () => {
    const name = given.visitor;
    if (navigator.globalPrivacyControl) return;
    try {
      if (!name && !reader && self === top) {
        reader = /^-(.+)|$/.exec(sessionStorage.populer)[1] || own;
        document.addEventListener("visibilitychange", keep);
        keep();
      }
    } catch {}
    return (name !== "none" && name) || reader || own;
  };

  // A reader who objects (Global Privacy Control) is counted without a name.
  const record = (event, to = home, site = given.site) => {
    try {
      if (navigator.webdriver && given.webdriver !== "count") return say("webdriver");
      if (/^\s*$|^(undefined|null|NaN|None|ID|\[object .*|%\w)$|[#${]\{|[{<][%?]/.test(event.item ?? 1)) return say(event);
      if (!to) return say("host");
      const url = to + "v1/events" + (site ? "?site=" + encodeURIComponent(site) : "");
      const body = JSON.stringify({ ...event, visitor: visitor(), token: given.token });
      // A beacon's Origin is null in Firefox under some policies.
      fetch(url, { method: "POST", body, keepalive: true })
        .then(
          async (answer) => /pted.:1/.test((answer = await answer.text())) || say(answer),
          () => navigator.sendBeacon(url, body)
        )
        .catch(() => {});
    } catch {}
  };

  // Runs once, when the page has been visible for so many milliseconds in all; answers what stops it. A page that comes
  // back from the back/forward cache goes on where it was.
  const whenSeen = (rest, run) => {
    let since, timer;
    const look = () => {
      clearTimeout(timer);
      if (since) rest -= performance.now() - since;
      since = !document.hidden && !document.prerendering && performance.now();
      if (since) timer = setTimeout(() => (run &&= run()), rest);
    };
    document.addEventListener("visibilitychange", look);
    document.addEventListener("prerenderingchange", look);
    look();
    return () => (run = null);
  };

  // What of an address can name an article.
  const spot = (url) => url.pathname.replace(/^\/(index\.\w+)?$/, "") + (/[?&](?:p|id|\w+_id)=\w+/.exec(url.search) || "");

  // Metadata of another host was copied with a template, or names somebody else's article.
  const host = (url) => url.host.replace(/^(www|m|mobile|amp)\./, "");
  const ours = (text) => {
    try {
      const url = new URL(text.replace(/&amp;/g, "&"), location);
      return host(url) === host(location) && spot(url) && url;
    } catch {}
  };

  // The address that the page says to be, all that it says (to tell whether it has changed), and what on it says that it
  // is no article.
  const read = () => {
    const nodes = [...document.querySelectorAll("[type*='ld+json']")].flatMap((data) => {
      try {
        const node = JSON.parse(data.text);
        return node["@graph"] || node;
      } catch {}
    });
    const kind = (type) => nodes.filter((node) => type.test(node?.["@type"]));
    const news = kind(/Article|BlogPosting/).map((node) => {
      const url = node.url || node.mainEntityOfPage || node;
      return ours(url["@id"] || url);
    });
    const url =
      ours(find("[rel=canonical]")?.href) || (!news[1] && news[0]) || ours(find("[property='og:url']")?.content);
    const no =
      !find("[property*=published]") &&
      !news.some((article) => article?.pathname === (url || location).pathname) &&
      (news[1] || kind(/(Collection|Results|Profile|About|Contact)Page/)[0] ||
        find("[content=website],[content*=noindex],body.archive,body.error404"));
    return { url, no, said: url + news };
  };

  const done = new Set();
  const [navigation = {}] = performance.getEntriesByType("navigation");
  let said, item, timer, stop, place = spot(location);

  const count = (event) => {
    if (done.size === done.add(event.item || event.url).size) return;
    done.add(place);
    stop?.();
    whenSeen(0, () =>
      visitor() === own && !reader && !said && /reload|back/.test(navigation.type) ? say("reload") : record(event)
    );
    if (given.engaged > 0) stop = whenSeen(given.engaged * 1e3, () => record({ ...event, kind: "engaged" }));
  };

  // Finds out what is open, waiting so many milliseconds for a page that is still being written to say so. What has
  // not changed with the address is of the article before.
  const settle = (rest) => {
    clearTimeout(timer);
    // Astro puts another tag in its place, and does not run it.
    if (!script?.isConnected) script = find("script[data-item]");
    given = script?.dataset || given;
    if (item !== (item = given.item)) return item ? count({ item, page: place }) : say("no item");
    if (done.has(place)) return;
    const { url, no, said: now } = read();
    const fresh = now !== said || url?.pathname === location.pathname;
    if ((rest > 0 && (item || !url || !fresh)) || document.readyState === "loading" || document.documentElement.ariaBusy)
      return (timer = setTimeout(settle, 100, rest - 100));
    const at = (fresh && url) || location;
    // Lists and searches are known by the same words in logs: populer/log_files/page_requests.py.
    const why =
      (!said && navigation.responseStatus > 399 && "status") ||
      (self !== top && "frame") ||
      (!spot(at) && "home") ||
      (/^[^,]*\/(tag|author|penulis|category|kategori|search|cari)[/?,]|^\/[^/?]*,.*[?&][sq]=/i.test([spot(at), at.search]) && "list") ||
      (fresh && no);
    why ? say(why) : count({ url: at.href });
  };
  const go = () => {
    if (place === (place = spot(location))) return;
    said = read().said;
    settle(500);
  };

  const add = (tag) => {
    if (tag?.dataset.item == null) return go();
    const show = () => {
      script = tag;
      item = 0;
      settle(0);
    };
    const box = tag.closest("article,section,li,div");
    if (!box?.offsetParent) return show();
    new IntersectionObserver((entries, observer) => {
      if (!entries.pop().isIntersecting) return;
      observer.disconnect();
      show();
    }).observe(box);
  };

  q?.forEach((event) => record(...event));
  window.populer = { record, add };
  settle(1000);
  if (given.spa !== "off") {
    addEventListener("popstate", go);
    ["pushState", "replaceState"].forEach((name) => {
      const change = history[name];
      history[name] = (...given) => {
        change.apply(history, given);
        go();
      };
    });
  }
})();
