// Pins, blocks and boosts in force, the trail of who changed what, and undo.

import { ask } from "./api.js";
import { $, h, put, tell } from "./dom.js";
import { clock, number } from "./words.js";

const LINES = 30;
const DONE = {
  pin: "pinned",
  unpin: "lifted the pin of",
  block: "blocked",
  unblock: "lifted the block of",
  boost: "boosted",
  unboost: "lifted the boost of",
  void: "voided events of",
  unvoid: "lifted a void of",
  remove: "took down",
  restore: "put back",
  alias: "named aliases of",
  unalias: "lifted aliases of",
  accept_store: "accepted the store as it is",
};

export class Desk {
  constructor(context) {
    this.context = context;
    $("find").addEventListener("submit", (event) => {
      event.preventDefault();
      context.open({ id: $("find-item").value.trim() });
    });
  }

  async refresh() {
    const { site, list } = this.context;
    const [pins, boosts, blocks, voids, audit] = await Promise.all([
      ask(`v1/lists/${list.name}/pins`, { site }),
      ask(`v1/lists/${list.name}/boosts`, { site }),
      ask("v1/blocks", { site }),
      ask("v1/voids", { site }),
      ask("v1/audit", { site, query: { limit: LINES } }),
    ]);
    if (list.name !== this.context.list.name || site !== this.context.site) return;
    this.context.boosts = boosts.boosts;
    this.context.pinned = pins.pins.some((pin) => (pin.section ?? "") === this.context.section);
    this.draw(pins.pins, boosts.boosts, blocks.blocks, voids.voids);
    this.trail(audit.changes);
  }

  draw(pins, boosts, blocks, voids) {
    const { list, zone } = this.context;
    const until = (edit) => (edit.until ? `until ${clock(edit.until, zone, true)}` : "until lifted");
    const line = (kind, edit, text, path, query, ends = until(edit)) =>
      h(
        "li",
        {},
        h("span", { class: `badge ${kind}` }, kind),
        h(
          "button",
          {
            type: "button",
            class: "title",
            "data-key": `${kind} ${edit.item}`,
            onclick: () => this.context.open({ id: edit.item, title: this.context.live.title(edit.item) }),
          },
          this.context.live.title(edit.item),
        ),
        h("span", { class: "soft" }, `${text}, ${ends}`),
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            "aria-label": `Lift the ${kind} of ${this.context.live.title(edit.item)}`,
            onclick: (event) => this.change(event.currentTarget, { method: "DELETE", path, query, says: "Lifted." }),
          },
          "Lift",
        ),
      );
    const id = (edit) => encodeURIComponent(edit.item);
    const lines = [
      ...pins.map((edit) =>
        line(
          "pin",
          edit,
          `at ${edit.position}${edit.section ? ` in ${edit.section}` : ""}`,
          `v1/lists/${list.name}/pins/${id(edit)}`,
          { section: edit.section },
        ),
      ),
      ...boosts.map((edit) =>
        line("boost", edit, `×${number(edit.factor * 10) / 10}`, `v1/lists/${list.name}/boosts/${id(edit)}`),
      ),
      ...blocks.map((edit) =>
        line("block", edit, edit.reason ? `“${edit.reason}”` : "no reason given", `v1/blocks/${id(edit)}`),
      ),
      ...voids.map((edit) =>
        line(
          "void",
          edit,
          `events from ${clock(edit.from, zone, true)}`,
          `v1/items/${id(edit)}/voids/${edit.void}`,
          {},
          edit.to === null ? "on" : `to ${clock(edit.to, zone, true)}`,
        ),
      ),
    ];
    put(
      $("in-force"),
      lines.length
        ? h("ul", { class: "force", "aria-label": "In force" }, lines)
        : h(
            "p",
            { class: "empty" },
            "Nothing is pinned, boosted, blocked or void here. Open an item to say something of it.",
          ),
    );
  }

  trail(changes) {
    const { zone } = this.context;
    let last = null;
    put(
      $("trail"),
      changes.length
        ? changes.map((line) => {
            const named = line.item ? this.context.live.title(line.item) : "several items";
            const item = line.item === null ? "" : named;
            const where = line.list ? ` in ${line.list}${line.section ? `, ${line.section}` : ""}` : "";
            const what =
              line.after && line.action === "pin"
                ? ` at ${line.after.position}`
                : line.after && line.action === "boost"
                  ? ` ×${line.after.factor}`
                  : "";
            // What was changed at once is undone at once.
            const first = line.edition !== undefined && line.edition !== last;
            last = line.edition;
            return h(
              "li",
              {},
              h("time", { datetime: new Date(1000 * line.at).toISOString() }, clock(line.at, zone, true)),
              h(
                "span",
                {},
                line.undoes ? "undo: " : null,
                `the ${line.by || "service’s"} key ${DONE[line.action] ?? line.action} `,
                h("bdi", {}, h("b", {}, item)),
                `${what}${where}`,
              ),
              first
                ? h(
                    "button",
                    {
                      type: "button",
                      class: "quiet",
                      "data-key": `undo ${line.edition}`,
                      "aria-label": `Undo: ${DONE[line.action] ?? line.action} ${item}`,
                      onclick: (event) => this.undo(line.edition, event.currentTarget),
                    },
                    "Undo",
                  )
                : null,
            );
          })
        : h("li", { class: "empty" }, "Nothing was changed yet."),
    );
  }

  /** Make a change; when it is answered every worker shows it. */
  async change(button, { method, path, body, query, says }, done = () => {}) {
    const { site } = this.context;
    button.disabled = true;
    try {
      await ask(path, { site, method, body, query });
      done();
      const latest = (await ask("v1/audit", { site, query: { limit: 1 } })).changes[0];
      tell(says, latest?.edition === undefined ? null : { name: "Undo", does: () => this.undo(latest.edition) });
      await this.context.changed();
    } catch (error) {
      this.fault(error, button);
    } finally {
      button.disabled = false;
    }
  }

  async undo(edition, button = null) {
    if (button) button.disabled = true;
    try {
      await ask(`v1/edits/${edition}/undo`, { site: this.context.site, method: "POST" });
      tell("Undone.");
      await this.context.changed();
    } catch (error) {
      this.fault(error, button);
    } finally {
      if (button) button.disabled = false;
    }
  }

  /** Say what went wrong where it was asked for: beside the button in an open dialog, else in passing. */
  fault(error, button) {
    if (error.status === 401 || error.status === 403) this.context.failed(error);
    const form = button?.closest("dialog form");
    if (!form) {
      tell(error.message);
      return;
    }
    form.querySelector(".fault")?.remove();
    form.append(h("p", { class: "fault", role: "alert" }, error.message));
  }
}
