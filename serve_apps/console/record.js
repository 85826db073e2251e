// What the microphone hears until it is told to stop, as a WAV file.

import { Microphone } from "./microphone.js";
import { hide, show } from "./problem.js";
import { clock } from "./text.js";
import { wavOf } from "./wav.js";

const MOST_S = 60;

export class Recorder {
  // `take` gets the file.
  constructor(button, take) {
    Object.assign(this, { button, take, microphone: null, turn: 0, on: false, samples: 0 });
    button.addEventListener("click", () => (this.on ? this.stop() : this.record()));
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
    if (this.samples > 0) this.take(new File([wavOf(this.heard, rate)], `recorded ${stamp()}.wav`, { type: "audio/wav" }));
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

const stamp = () => new Date().toTimeString().slice(0, 8);
