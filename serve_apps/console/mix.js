// How much of the original stays in what is heard: a share, and a bypass that lets all of it through.

import { percent } from "./text.js";

const $ = (id) => document.getElementById(id);

export class Mix {
  // on: {now(dry) while it is changed, chosen() when a share was chosen}
  constructor(on) {
    this.on = on;
    this.bypass = false;
    $("dry").addEventListener("input", () => this.tell());
    $("dry").addEventListener("change", () => this.on.chosen());
    $("bypass").addEventListener("click", () => {
      this.bypass = !this.bypass;
      this.tell();
    });
  }

  // Shown where there is something to mix; the bypass is of live sound.
  enter(shown, live) {
    $("mix-card").hidden = !shown;
    $("bypass").hidden = !live;
    this.bypass = false;
    this.tell();
  }

  // Of recordings.
  get dry() {
    return Number($("dry").value) / 100;
  }

  // Of live sound.
  get live() {
    return this.bypass ? 1 : this.dry;
  }

  tell() {
    $("dry-text").textContent = percent(this.dry);
    $("dry").setAttribute("aria-valuetext", percent(this.dry));
    $("bypass").setAttribute("aria-pressed", String(this.bypass));
    $("bypass").textContent = this.bypass ? "Bypassed: all of the original" : "Bypass";
    this.on.now(this.live);
  }
}
