// Goes on sending articles, a hundred at a time, until none waits or the service fails; the page then says why.
(function () {
  "use strict";
  const { url, page, nonce } = window.populerSteps;
  const status = document.getElementById("populer-waiting");
  const progress = document.getElementById("populer-progress");

  async function step() {
    const body = new URLSearchParams({ action: "populer_step", _ajax_nonce: nonce });
    const answer = await fetch(url, { method: "POST", body, credentials: "same-origin" });
    const { data } = await answer.json();
    status.textContent = data.text;
    if (progress) progress.value = progress.max - data.waiting;
    return data;
  }

  async function run() {
    for (;;) {
      const { waiting, failed } = await step();
      if (waiting === 0 || failed) break;
    }
  }

  run().catch(() => {}).finally(() => window.location.replace(page));
})();
