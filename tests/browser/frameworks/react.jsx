import { useState } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server.browser";
import { go, other, site } from "./route.js";

const App = () => {
  const [name, show] = useState(site());
  return (
    <main>
      <button onClick={() => go(other(), show)}>next</button>
      <populer-list site={name} limit={name === "bola" ? 2 : 3} more-label="Semua" live={false} suppressHydrationWarning
        dangerouslySetInnerHTML={{ __html: "" }} />
    </main>
  );
};

const root = document.getElementById("app");
if (root.dataset.rendered === undefined) createRoot(root).render(<App />);
else {
  // As a server would have rendered it; hydrated once the element has filled itself.
  root.innerHTML = renderToString(<App />);
  const list = root.querySelector("populer-list");
  list.addEventListener("populer", () => hydrateRoot(root, <App />, { onRecoverableError: (error) => { throw error; } }), { once: true });
}
