// Shows at once what is chosen, and copies lines. Without it the form's button does the former.
const $ = (id) => document.getElementById(id);
const form = $("choice");
$("show").hidden = true;

const show = async () => {
  if (!form.reportValidity()) return;
  const asked = new URLSearchParams(new FormData(form));
  history.replaceState(null, "", `embed?${asked}`);
  $("frame").src = `embed/sample?${asked}`;
  const answer = await fetch(`embed/lines?${asked}`);
  if (!answer.ok) return form.submit(); // the settings have changed: the page says what there is now
  for (const [platform, lines] of Object.entries(await answer.json())) $(platform).textContent = lines;
};
// Another site or list has other sections.
form.addEventListener("change", ({ target }) => (/site|list/.test(target.name) ? form.submit() : show()));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});

for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.onclick = async () => {
    const lines = $(button.dataset.of);
    const { dataset } = $("said");
    try {
      await navigator.clipboard.writeText(lines.textContent);
      $("said").textContent = dataset.copied;
    } catch {
      getSelection().selectAllChildren(lines); // no clipboard without https
      $("said").textContent = dataset.selected;
    }
  };
}
