// A recording that somebody gives: a file, or what the microphone hears until it is told to stop.

import { chosen } from "./drop.js";
import { Microphone } from "./microphone.js";
import { hide, show } from "./problem.js";
import { clock } from "./text.js";
import { wavOf } from "./wav.js";

const parts = document.getElementById("take-parts");
const MOST_S = 60;

export class Take {
  // place: a fieldset. With `many`, recordings are collected.
  constructor(place, { many = false } = {}) {
    place.append(parts.content.cloneNode(true));
    const [drop, input, button, list] = ["label", "input", "button", "ol"].map((name) => place.querySelector(name));
    Object.assign(this, { place, button, list, many, files: [], microphone: null, turn: 0, on: false });
    input.multiple = many;
    chosen(drop, input, (file) => this.add(file));
    button.addEventListener("click", () => (this.on ? this.stop() : this.record()));
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

  async record() {
    hide();
    this.heard = [];
    this.samples = 0;
    this.recording(true);
    const turn = (this.turn += 1); // it may be stopped while the browser still asks for permission
    try {
      const microphone = await Microphone.open((chunk) => this.hear(chunk));
      if (turn !== this.turn) return microphone.close();
      this.microphone = microphone;
    } catch (error) {
      if (turn !== this.turn) return;
      this.recording(false);
      show(error);
    }
  }

  hear(chunk) {
    if (!this.microphone) return;
    this.heard.push(chunk);
    this.samples += chunk.length;
    const seconds = this.samples / this.microphone.rate;
    this.button.textContent = `Stop ${clock(seconds)}`;
    if (seconds >= MOST_S) this.stop();
  }

  stop() {
    this.turn += 1;
    const rate = this.microphone?.rate;
    this.microphone?.close();
    this.microphone = null;
    this.recording(false);
    if (this.samples > 0) this.add(new File([wavOf(this.heard, rate)], `recorded ${stamp()}.wav`, { type: "audio/wav" }));
    this.samples = 0;
  }

  // Leaves the microphone and what it has heard.
  quit() {
    this.samples = 0;
    if (this.on) this.stop();
  }

  recording(on) {
    this.on = on;
    this.button.setAttribute("aria-pressed", String(on));
    this.button.textContent = on ? "Stop" : "Record";
  }
}

function drop(item) {
  URL.revokeObjectURL(item.querySelector("audio").src);
  item.remove();
}

const stamp = () => new Date().toTimeString().slice(0, 8);
