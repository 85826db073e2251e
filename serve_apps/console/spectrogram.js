// What is in a recording by time and frequency: low below, loud bright. Two that are shown with one loudest value can be
// compared.

import { Fft } from "./fft.js";
import { clock } from "./text.js";
import { colour, dark, prepare } from "./wave.js";

const SIZE = 512;
const RANGE_DB = 75;
const MOST_COLUMNS = 900;

export class Spectrogram {
  constructor(canvas) {
    this.canvas = canvas;
    this.fft = new Fft(SIZE);
    this.show([], 1, 0);
    new ResizeObserver(() => this.draw()).observe(canvas);
    dark.addEventListener("change", () => this.paint());
  }

  // samples at `rate`, drawn over `length` seconds; `loudest` is the level of the brightest colour in dB.
  show(samples, rate, length, loudest = 0) {
    Object.assign(this, { samples, rate, length, loudest, time: 0 });
    this.columns = samples.length > 0 ? this.analyse() : [];
    this.paint();
  }

  at(time) {
    this.time = time;
    this.draw();
  }

  analyse() {
    const count = Math.min(MOST_COLUMNS, Math.max(1, Math.round((4 * this.samples.length) / SIZE)));
    const wide = (this.length * this.rate) / count;
    return Array.from({ length: count }, (_, at) => this.fft.powers(this.samples, Math.round((at + 0.5) * wide)));
  }

  // The picture in its own size, one pixel a value: drawn larger as often as is needed.
  paint() {
    const count = this.columns.length;
    this.picture = null;
    if (count > 0) {
      const bins = SIZE / 2;
      const palette = colours();
      const image = new ImageData(count, bins);
      this.columns.forEach((powers, x) => {
        for (let bin = 0; bin < bins; bin += 1) {
          const level = 10 * Math.log10(powers[bin] + 1e-12) - this.loudest;
          const shade = Math.max(0, Math.min(255, Math.round(255 * (1 + level / RANGE_DB))));
          image.data.set(palette.subarray(4 * shade, 4 * shade + 4), 4 * ((bins - 1 - bin) * count + x));
        }
      });
      this.picture = new OffscreenCanvas(count, bins);
      this.picture.getContext("2d").putImageData(image, 0, 0);
    }
    this.draw();
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    if (width === 0 || !this.picture) return;
    context.drawImage(this.picture, 0, 0, width, height);
    this.label(context, width, height);
    if (this.time === 0) return;
    context.fillStyle = colour("--ink");
    context.fillRect((this.time / this.length) * width, 0, 1.5, height);
  }

  label(context, width, height) {
    context.font = "600 11px system-ui, sans-serif";
    context.lineWidth = 3;
    context.strokeStyle = colour("--paper");
    context.fillStyle = colour("--soft");
    const write = (text, x, y) => {
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    };
    write(`${this.rate / 2000} kHz`, 6, 14);
    context.textAlign = "center";
    const step = STEPS.find((one) => (width * one) / this.length > 70) ?? this.length;
    for (let time = step; time < this.length - step / 3; time += step) {
      write(clock(time, step < 1 ? 1 : 0), (time / this.length) * width, height - 5);
    }
  }
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600];

// The level of the loudest value of a recording in dB: a colour scale that two pictures share.
export function loudest(samples) {
  const fft = new Fft(SIZE);
  let most = 1e-6;
  for (let middle = 0; middle < samples.length; middle += Math.max(SIZE, Math.floor(samples.length / 200))) {
    most = fft.powers(samples, middle).reduce((one, other) => Math.max(one, other), most);
  }
  return 10 * Math.log10(most);
}

// 256 colours from paper to bright, as this theme has them.
function colours() {
  const context = new OffscreenCanvas(256, 1).getContext("2d");
  const ramp = context.createLinearGradient(0, 0, 256, 0);
  ramp.addColorStop(0, colour("--paper"));
  ramp.addColorStop(0.3, colour("--tint"));
  ramp.addColorStop(0.65, colour("--accent"));
  ramp.addColorStop(1, colour("--event"));
  context.fillStyle = ramp;
  context.fillRect(0, 0, 256, 1);
  return context.getImageData(0, 0, 256, 1).data;
}
