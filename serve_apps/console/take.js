// A recording that somebody gives: a file, or what the microphone hears until it is told to stop.

import { chosen } from "./drop.js";
import { Recorder } from "./record.js";

const parts = document.getElementById("take-parts");

export class Take {
  // place: a fieldset. With `many`, recordings are collected.
  constructor(place, { many = false } = {}) {
    place.append(parts.content.cloneNode(true));
    const [drop, input, button, list] = ["label", "input", "button", "ol"].map((name) => place.querySelector(name));
    Object.assign(this, { place, button, list, many, files: [] });
    input.multiple = many;
    chosen(drop, input, (file) => this.add(file));
    this.recorder = new Recorder(button, (file) => this.add(file));
  }

  get file() {
    return this.files[0] ?? null;
  }

  add(file) {
    if (!this.many) this.clear();
    this.files.push(file);
    const item = document.createElement("li");
    const [name, player, remove] = ["span", "audio", "button"].map((one) => document.createElement(one));
    name.textContent = file.name;
    player.controls = true;
    player.src = URL.createObjectURL(file);
    remove.type = "button";
    remove.className = "quiet";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    remove.addEventListener("click", () => {
      this.files = this.files.filter((one) => one !== file);
      drop(item);
      this.button.focus();
    });
    item.append(name, player, remove);
    this.list.append(item);
  }

  clear() {
    this.files = [];
    for (const item of [...this.list.children]) drop(item);
  }

  // Leaves the microphone and what it has heard.
  quit() {
    this.recorder.quit();
  }
}

function drop(item) {
  URL.revokeObjectURL(item.querySelector("audio").src);
  item.remove();
}
