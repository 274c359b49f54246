import { createSignal } from "solid-js";
import { render } from "solid-js/web";
import { go, other, site } from "./route.js";

const App = () => {
  const [name, show] = createSignal(site());
  return (
    <main>
      <button onClick={() => go(other(), show)}>next</button>
      <populer-list site={name()} limit={name() === "bola" ? 2 : 3} more-label="Semua" live={false} />
    </main>
  );
};
render(App, document.getElementById("app"));
