// Pins, blocks, boosts and voids in force, the trail of who changed what, and undo.

import { ask } from "./api.js";
import { $, h, picture, put, tell } from "./dom.js";
import { clock, percent, remaining, score } from "./format.js";
import { named, t } from "./language.js";

const LINES = 30;
/** Lines of the trail that are looked through for who made what is in force. */
const MOST_LINES = 1_000;

const idOf = (edit) => encodeURIComponent(edit.item);

export class Desk {
  constructor(context) {
    this.context = context;
    this.makers = new Map();
  }

  /** Who made each edit, as the trail says it; one that is not among its last lines is looked for once, further back. */
  async learnMakers(edits, changes) {
    const keyOf = (kind, item, at) => `${kind} ${Math.round(at)} ${item}`;
    const take = (lines) => lines.forEach((line) => this.makers.set(keyOf(line.action, line.item, line.at), line.by));
    const of = ({ kind, edit }) =>
      [0, -1, 1]
        .map((off) => this.makers.get(keyOf(kind, edit.item, edit.set_at + off)))
        .find((by) => by !== undefined);
    take(changes);
    const unknown = edits.filter((each) => of(each) === undefined);
    if (unknown.length) {
      const found = await ask("v1/audit", { site: this.context.site, query: { limit: String(MOST_LINES) } });
      take(found.changes);
      for (const { kind, edit } of unknown.filter((each) => of(each) === undefined))
        this.makers.set(keyOf(kind, edit.item, edit.set_at), ""); // the trail has forgotten
    }
    return of;
  }

  async refresh() {
    const { site, list, catalogue } = this.context;
    const [pins, boosts, blocks, voids, audit] = await Promise.all([
      ask(`v1/lists/${list.name}/pins`, { site }),
      ask(`v1/lists/${list.name}/boosts`, { site }),
      ask("v1/blocks", { site }),
      ask("v1/voids", { site }),
      ask("v1/audit", { site, query: { limit: String(LINES) } }),
    ]);
    if (list.name !== this.context.list.name || site !== this.context.site) return;
    this.context.boosts = boosts.boosts;
    this.context.pinned = pins.pins.some((pin) => (pin.section ?? "") === this.context.section);
    const edits = this.inForce(pins.pins, boosts.boosts, blocks.blocks, voids.voids);
    await catalogue.learn([...edits.map(({ edit }) => edit), ...audit.changes].map((each) => each.item));
    this.draw(edits, await this.learnMakers(edits, audit.changes));
    this.trail(audit.changes);
  }

  /** What is in force: its kind, the edit, its words, and the request that lifts it. */
  inForce(pins, boosts, blocks, voids) {
    const { list, zone } = this.context;
    const moment = (each) => clock(each, zone, "moment");
    return [
      ...pins.map((edit) => ({
        kind: "pin",
        edit,
        says: t(edit.section ? "force.pin.section" : "force.pin", { n: edit.position, section: edit.section }),
        path: `v1/lists/${list.name}/pins/${idOf(edit)}`,
        query: { section: edit.section },
      })),
      ...boosts.map((edit) => ({
        kind: "boost",
        edit,
        says: `×${score(edit.factor)}`,
        path: `v1/lists/${list.name}/boosts/${idOf(edit)}`,
      })),
      ...blocks.map((edit) => ({
        kind: "block",
        edit,
        says: edit.reason ? `“${edit.reason}”` : t("force.block"),
        path: `v1/blocks/${idOf(edit)}`,
      })),
      ...voids.map((edit) => ({
        kind: "void",
        edit,
        says: t("force.void", { from: moment(edit.from), share: percent(edit.share) }),
        ends: edit.to === null ? t("until.open") : t("until.moment", { moment: moment(edit.to) }),
        path: `v1/items/${idOf(edit)}/voids/${edit.void}`,
      })),
    ];
  }

  draw(edits, maker) {
    put(
      $("in-force"),
      edits.length
        ? h(
            "ul",
            { class: "force", "aria-label": t("force.title") },
            edits.map((each) => this.line(each, maker(each))),
          )
        : h("p", { class: "empty" }, t("force.none")),
    );
  }

  line({ kind, edit, says, ends, path, query }, by) {
    const { catalogue, zone } = this.context;
    const title = catalogue.title(edit.item);
    return h(
      "li",
      {},
      picture(catalogue.of(edit.item)),
      h(
        "div",
        { class: "what" },
        h(
          "button",
          {
            type: "button",
            class: "title",
            dir: "auto",
            "data-key": `${kind} ${edit.item}`,
            onclick: () => this.context.open({ id: edit.item, title }),
          },
          title,
        ),
        h(
          "p",
          { class: "meta" },
          h("span", { class: `badge ${kind}` }, t(`kind.${kind}`)),
          h("span", {}, says),
          h("span", {}, ends ?? remaining(edit.until, zone)),
          by ? h("span", {}, t("force.by", { by })) : null,
        ),
      ),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          "aria-label": t(`lift.${kind}`, { title }),
          onclick: (event) => this.change(event.currentTarget, { method: "DELETE", path, query, says: t("lifted") }),
        },
        t("lift"),
      ),
    );
  }

  trail(changes) {
    let last = null;
    const lines = changes.map((line) => {
      // What was changed at once is undone at once.
      const isFirst = line.edition !== undefined && line.edition !== last;
      last = line.edition;
      return this.changeLine(line, isFirst);
    });
    put($("trail"), lines.length ? lines : h("li", { class: "empty" }, t("trail.none")));
  }

  changeLine(line, isFirst) {
    const { zone, catalogue } = this.context;
    const item = line.item === null ? "" : line.item ? catalogue.title(line.item) : t("trail.several");
    const action = named("did", line.action);
    const about = [
      line.after && line.action === "pin" ? t("place", { n: line.after.position }) : "",
      line.after && line.action === "boost" ? `×${score(line.after.factor)}` : "",
      line.list ?? "",
      line.section ?? "",
    ].filter(Boolean);
    const undo = h(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-key": `undo ${line.edition}`,
        "aria-label": t("undo.of", { action, title: item }),
        onclick: (event) => this.undo(line.edition, event.currentTarget),
      },
      t("undo"),
    );
    return h(
      "li",
      {},
      h("time", { datetime: new Date(1000 * line.at).toISOString() }, clock(line.at, zone, "moment")),
      h(
        "span",
        {},
        h("b", {}, line.by || t("trail.service")),
        ` ${line.undoes ? `${t("trail.undo")} ` : ""}${action} `,
        item ? h("bdi", {}, `“${item}”`) : null,
        about.length ? ` (${about.join(", ")})` : "",
      ),
      isFirst ? undo : null,
    );
  }

  /** Make a change; when it is answered every worker shows it. */
  async change(button, { method, path, body, query, says }, done = () => {}) {
    const { site } = this.context;
    button.disabled = true;
    try {
      await ask(path, { site, method, body, query });
      done();
      const latest = (await ask("v1/audit", { site, query: { limit: "1" } })).changes[0];
      tell(says, latest?.edition === undefined ? null : { name: t("undo"), does: () => this.undo(latest.edition) });
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
      tell(t("undone"));
      await this.context.changed();
    } catch (error) {
      this.fault(error, button);
    } finally {
      if (button) button.disabled = false;
    }
  }

  /** Say what went wrong where it was asked for: beside the button in a form, else in passing. */
  fault(error, button) {
    if (error.isKeyRefused) this.context.failed(error);
    const form = button?.closest("form.say");
    if (!form) {
      tell(error.message);
      return;
    }
    form.querySelector(".fault")?.remove();
    form.append(h("p", { class: "fault", role: "alert" }, error.message));
  }
}
