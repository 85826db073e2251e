// Who is enrolled: new ones by name, a list, and an end to it. One card, for whichever page is shown.

import { hide, Problem, show } from "./problem.js";
import { Take } from "./take.js";
import { ask, send } from "./upload.js";

const $ = (id) => document.getElementById(id);
const PAGE = 100;

export class Speakers {
  constructor() {
    this.take = new Take($("take-enrol"), { many: true });
    this.known = [];
    $("enrol").addEventListener("submit", (event) => {
      event.preventDefault();
      this.attempt(() => this.enrol());
    });
    $("speakers-more").addEventListener("click", () => this.attempt(() => this.more()));
  }

  // `changed` is given everyone who is listed, and who has just been enrolled.
  enter(route, changed) {
    this.route = route;
    this.changed = changed;
    $("speakers-card").hidden = !route;
    $("enrol-status").textContent = "";
    this.known = [];
    this.next = "";
    if (route) this.attempt(() => this.more());
  }

  async attempt(act) {
    try {
      await act();
    } catch (error) {
      $("enrol-status").textContent = "";
      show(error);
    }
  }

  async more() {
    const route = this.route;
    const page = await ask("GET", `${route}?${new URLSearchParams({ limit: PAGE, after: this.next })}`);
    if (route !== this.route) return;
    const listed = new Set(this.known.map((one) => one.id));
    this.known.push(...page.speakers.filter((one) => !listed.has(one.id)));
    this.next = page.next;
    this.draw();
  }

  async enrol() {
    hide();
    const name = $("enrol-name").value.trim();
    if (!name) throw new Problem({ message: "The speaker has no name", hint: "A name tells the enrolled apart." });
    if (!this.take.file) {
      throw new Problem({ message: "There is no recording to enrol", hint: "Choose files, drop them, or record some." });
    }
    $("enrol-status").textContent = `Enrolling ${name}`;
    const route = this.route;
    const made = await send(route, { file: this.take.files, name });
    if (route !== this.route) return;
    this.known.unshift(made);
    this.draw(made);
    this.take.clear();
    $("enrol-name").value = "";
    $("enrol-status").textContent = `${name} is enrolled until ${day(made.expires)}.`;
  }

  async remove(one) {
    const name = one.name || one.id;
    if (!confirm(`End the enrolment of ${name}? What is kept of the voice is deleted for good.`)) return;
    hide();
    await ask("DELETE", `${this.route}/${one.id}`);
    this.known = this.known.filter((other) => other.id !== one.id);
    this.draw();
    $("enrol-status").textContent = `${name} is no longer enrolled.`;
    $("speakers-title").focus();
  }

  draw(made = null) {
    $("speakers").replaceChildren(...this.known.map((one) => this.item(one)));
    $("speakers-empty").hidden = this.known.length > 0;
    $("speakers-more").hidden = !this.next;
    this.changed(this.known, made);
  }

  item(one) {
    const recordings = one.recordings === 1 ? "1 recording" : `${one.recordings} recordings`;
    const facts = `${recordings}, ${one.duration_s.toFixed(1)} s, until ${day(one.expires)}`;
    const item = document.createElement("li");
    for (const [name, text] of [["label", one.name || one.id], ["muted", facts]]) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      item.append(part, " ");
    }
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "quiet";
    remove.textContent = "Delete";
    remove.setAttribute("aria-label", `Delete ${one.name || one.id}`);
    remove.addEventListener("click", () => this.attempt(() => this.remove(one)));
    item.append(remove);
    return item;
  }
}

const day = (iso) => new Date(iso).toLocaleDateString(undefined, { dateStyle: "medium" });
