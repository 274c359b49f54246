/** @jsx h */
import { h, render } from "preact";
import { useState } from "preact/hooks";
import { go, other, site } from "./route.js";

const App = () => {
  const [name, show] = useState(site());
  return (
    <main>
      <button onClick={() => go(other(), show)}>next</button>
      <populer-list site={name} limit={name === "bola" ? 2 : 3} more-label="Semua" live={false} />
    </main>
  );
};
render(<App />, document.getElementById("app"));
