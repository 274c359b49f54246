// Stands at the end of the tracker, in its scope: what <populer-list> is made of is loaded with the first one that
// the page has, whenever and wherever it comes.
let lists;
const load = (at) =>
  import(new URL(at, document.baseURI).href.replace(/\/*$/, "/") + "populer-list.js").then((element) =>
    element.default({ home, record, site: given.site, about: () => ({ item: given.item, url: read().url }) })
  );
customElements.get("populer-list") ||
  customElements.define("populer-list", class extends HTMLElement {
    connectedCallback() {
      // It is where the script came from; where that is a copy of the site's own, at the service that the list names.
      const host = this.getAttribute("host") || ".";
      lists ||= load(home || host).catch(() => load(host));
      lists.then((List) => {
        Object.setPrototypeOf(this, List.prototype);
        if (this.isConnected) this.connectedCallback();
      }, () => {});
    }
    disconnectedCallback() {
      lists.then(() => this.isConnected || this.disconnectedCallback(), () => {});
    }
  });
