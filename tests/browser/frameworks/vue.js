import { createApp, createSSRApp, h, ref } from "vue";
import { renderToString } from "vue/server-renderer";
import { go, other, site } from "./route.js";

const App = {
  setup() {
    const name = ref(site());
    return () =>
      h("main", [
        h("button", { onClick: () => go(other(), (path) => (name.value = path)) }, "next"),
        h("populer-list", { site: name.value, limit: name.value === "bola" ? 2 : 3, "more-label": "Semua", live: false }),
      ]);
  },
};

const root = document.getElementById("app");
if (root.dataset.rendered === undefined) createApp(App).mount(root);
else {
  // As a server, such as Nuxt's, would have rendered it; hydrated once the element has filled itself.
  renderToString(createSSRApp(App)).then((html) => {
    root.innerHTML = html;
    const hydrate = () => createSSRApp(App).mount(root);
    root.querySelector("populer-list").addEventListener("populer", hydrate, { once: true });
  });
}
