// The real element on the sample page, with nobody who counts what is opened.
const at = new URL(document.querySelector("main").dataset.element, location).href;
const home = new URL("./", at).href;
import(at).then(({ default: define }) =>
  customElements.define("populer-list", define({ home, record: () => {}, site: "", about: () => ({}) }))
);
