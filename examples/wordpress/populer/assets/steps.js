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
    // Where another request is sending, it is waited for: two minutes, after which its turn is over.
    for (let idle = 0; idle < 120; ) {
      const { waiting, done, failed } = await step();
      if (waiting === 0 || failed) break;
      if (done > 0) {
        idle = 0;
        continue;
      }
      idle += 1;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  run().catch(() => {}).finally(() => window.location.replace(page));
})();
