// Stands at the end of the tracker, in its scope: what <populer-list> is made of is loaded with the first one that
// the page has, whenever and wherever it comes.
let lists;
const from = (text) => new URL(text, document.baseURI).href.replace(/\/*$/, "/");
const load = (at) =>
  import(at + "populer-list.js").then((element) =>
    element.default({ home, record, site: given.site, about: () => ({ item: given.item, url: read().url }) })
  );
customElements.get("populer-list") ||
  customElements.define("populer-list", class extends HTMLElement {
    static get observedAttributes() {
      return "list section tag author language premium type site host limit theme heading level more more-label refresh live views".split(" ");
    }
    connectedCallback() {
      // It is where the script came from; where that is a copy of the site's own, at the service that the list names.
      const host = this.getAttribute("host") || ".";
      lists ||= load(from(home || host)).catch(() => load(from(host)));
      lists.then((List) => {
        Object.setPrototypeOf(this, List.prototype);
        if (this.isConnected) this.connectedCallback();
      }, () => {});
    }
    disconnectedCallback() {
      lists.then(() => this.isConnected || this.disconnectedCallback(), () => {});
    }
    attributeChangedCallback(name) {
      lists?.then((List) => this instanceof List && this.attributeChangedCallback(name), () => {});
    }
  });
