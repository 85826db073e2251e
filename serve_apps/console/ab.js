// Two recordings of one length, heard by turns: both run at the same time, and one is silent.

import { loudest, Spectrogram } from "./spectrogram.js";
import { clock } from "./text.js";
import { WholeWave } from "./wave.js";

export class AB {
  // place: an element with two canvases .wave and two .spectrum, two buttons in .sides that choose, a .play button and a
  // range.
  constructor(place) {
    const all = (what) => [...place.querySelectorAll(what)];
    this.waves = all("canvas.wave").map((canvas) => new WholeWave(canvas));
    this.spectra = all("canvas.spectrum").map((canvas) => new Spectrogram(canvas));
    this.captions = all("figcaption");
    this.sides = all(".sides button");
    this.button = place.querySelector(".play");
    this.range = place.querySelector("input[type=range]");
    this.time = place.querySelector(".at");
    this.players = this.waves.map(() => new Audio());
    this.sides.forEach((side, index) => side.addEventListener("click", () => this.choose(index)));
    this.button.addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    this.range.addEventListener("input", () => this.seek(Number(this.range.value)));
    // Whichever ends last: one of them may be a file that the browser cannot play.
    for (const player of this.players) player.addEventListener("ended", () => this.pause());
    this.length = 0;
    this.choose(1);
  }

  get playing() {
    return this.players.some((player) => !player.paused);
  }

  // parts: two of {blob, samples, spans}; the samples at `rate` are drawn over `length` seconds.
  show(parts, length, rate) {
    this.clear();
    this.length = length;
    this.range.max = length;
    const brightest = loudest(parts[0].samples ?? parts[1].samples ?? []);
    parts.forEach(({ blob, samples, spans = [] }, index) => {
      this.players[index].src = URL.createObjectURL(blob);
      this.waves[index].show(samples ?? [], spans, length);
      this.spectra[index].show(samples ?? [], rate, length, brightest);
    });
    this.seek(0);
  }

  // What the two are called.
  name(...names) {
    names.forEach((name, index) => {
      this.captions[index].textContent = this.sides[index].textContent = name;
      this.waves[index].canvas.setAttribute("aria-label", `Waveform of the ${name.toLowerCase()} recording`);
      this.spectra[index].canvas.setAttribute("aria-label", `Spectrogram of the ${name.toLowerCase()} recording`);
    });
  }

  clear() {
    this.pause();
    for (const player of this.players) {
      if (player.src) URL.revokeObjectURL(player.src);
      player.removeAttribute("src");
    }
  }

  choose(index) {
    this.chosen = index;
    this.sides.forEach((side, at) => side.setAttribute("aria-pressed", String(at === index)));
    const [chosen, other] = [this.players[index], this.players[1 - index]];
    if (Math.abs(chosen.currentTime - other.currentTime) > 0.02 && this.playing) chosen.currentTime = other.currentTime;
    chosen.muted = false;
    other.muted = true;
  }

  play() {
    if (this.now >= this.length) this.seek(0);
    for (const player of this.players) player.play().catch(() => {}); // the other one can still be heard
    this.button.textContent = "Pause";
    this.follow();
  }

  pause() {
    for (const player of this.players) player.pause();
    this.button.textContent = "Play";
  }

  get now() {
    return this.players[this.chosen].currentTime;
  }

  seek(time) {
    for (const player of this.players) player.currentTime = time;
    this.mark(time);
  }

  follow() {
    if (!this.playing) return;
    this.mark(this.now);
    requestAnimationFrame(() => this.follow());
  }

  mark(time) {
    this.range.value = time;
    this.range.setAttribute("aria-valuetext", `${clock(time, 1)} of ${clock(this.length, 1)}`);
    this.time.textContent = `${clock(time, 1)} / ${clock(this.length, 1)}`;
    for (const picture of [...this.waves, ...this.spectra]) picture.at(time);
  }
}
