import { createApp, h, ref } from "vue";
import { go, other, site } from "./route.js";

createApp({
  setup() {
    const name = ref(site());
    return () =>
      h("main", [
        h("button", { onClick: () => go(other(), (path) => (name.value = path)) }, "next"),
        h("populer-list", { site: name.value, limit: name.value === "bola" ? 2 : 3, "more-label": "Semua", live: false }),
      ]);
  },
}).mount("#app");
