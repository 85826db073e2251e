// Waveforms: one that rolls while somebody speaks, one of a whole recording.

const COLUMN_S = 0.02;
const REDUCED_MS = 250;

export const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const colours = new Map();
dark.addEventListener("change", () => colours.clear());

// A canvas cannot use the style sheet's colours: light-dark() is resolved on a probe, once for each theme.
export function colour(name) {
  if (!colours.has(name)) {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    colours.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return colours.get(name);
}

export function prepare(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

function drawPeaks(context, peaks, step, height, offset = 0) {
  context.fillStyle = colour("--accent");
  const thick = Math.max(1, step * 0.62);
  for (let index = 0; index < peaks.length; index += 1) {
    const tall = Math.max(1.5, Math.sqrt(Math.min(1, peaks[index])) * (height - 26));
    context.beginPath();
    context.roundRect(offset + index * step, (height - tall) / 2, thick, tall, thick / 2);
    context.fill();
  }
}

export class RollingWave {
  constructor(canvas, seconds) {
    this.canvas = canvas;
    this.columns = Math.round(seconds / COLUMN_S);
    this.running = false;
    this.clear();
    new ResizeObserver(() => this.draw()).observe(canvas);
    dark.addEventListener("change", () => this.draw());
  }

  clear() {
    this.peaks = [];
    this.first = 0; // number of the first column that is kept
    this.rest = 0;
    this.peak = 0;
    this.events = [];
  }

  push(samples, rate) {
    const size = rate * COLUMN_S;
    for (const sample of samples) {
      this.peak = Math.max(this.peak, Math.abs(sample));
      this.rest += 1;
      if (this.rest >= size) {
        this.peaks.push(this.peak);
        this.rest -= size;
        this.peak = 0;
      }
    }
    const extra = this.peaks.length - this.columns;
    if (extra > 0) {
      this.peaks.splice(0, extra);
      this.first += extra;
    }
  }

  mark(event) {
    this.events.push(event);
    this.events = this.events.filter((one) => one.t_end / COLUMN_S > this.first);
  }

  run(on) {
    this.running = on;
    if (on) this.tick();
    else this.draw();
  }

  tick() {
    if (!this.running) return;
    this.draw();
    const next = () => this.tick();
    if (still.matches) setTimeout(next, REDUCED_MS);
    else requestAnimationFrame(next);
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    if (width === 0) return;
    const step = width / this.columns;
    context.fillStyle = colour("--line");
    context.fillRect(0, height / 2 - 0.5, width, 1);
    context.font = "600 12px system-ui, sans-serif";
    for (const event of this.events) {
      const left = Math.max(0, (event.t_start / COLUMN_S - this.first) * step);
      const right = (event.t_end / COLUMN_S - this.first) * step;
      if (right <= 0) continue;
      context.fillStyle = colour("--event-tint");
      context.beginPath();
      context.roundRect(left, 0, right - left, height, 6);
      context.fill();
      context.fillStyle = colour("--event");
      context.fillText(event.label, left + 6, 16, Math.max(40, right - left - 8));
    }
    drawPeaks(context, this.peaks, step, height);
  }
}

export class WholeWave {
  constructor(canvas) {
    this.canvas = canvas;
    this.show([], [], 0);
    new ResizeObserver(() => this.draw()).observe(canvas);
    dark.addEventListener("change", () => this.draw());
  }

  // spans: [{t_start, t_end, label}], seconds of `length`. Without samples, only the spans are drawn.
  show(samples, spans, length) {
    Object.assign(this, { samples, spans, length, time: 0 });
    this.draw();
  }

  at(time) {
    this.time = time;
    this.draw();
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    if (width === 0 || this.length === 0) return;
    for (const { t_start, t_end, label } of this.spans) {
      drawSpan(context, label, (t_start / this.length) * width + 1, (t_end / this.length) * width - 1, height);
    }
    const count = Math.max(1, Math.floor(width / 4));
    if (this.samples.length > 0) drawPeaks(context, peaksOf(this.samples, count), width / count, height);
    if (this.time === 0) return;
    context.fillStyle = colour("--ink");
    context.fillRect((this.time / this.length) * width, 0, 1.5, height);
  }
}

function peaksOf(samples, count) {
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * samples.length) / count);
    const to = Math.max(from + 1, Math.floor(((index + 1) * samples.length) / count));
    let peak = 0;
    for (let at = from; at < to; at += 1) peak = Math.max(peak, Math.abs(samples[at] ?? 0));
    return peak;
  });
}

// The word is left out where there is no room for it: the list of segments has it.
function drawSpan(context, label, left, right, height) {
  const wide = Math.max(1.5, right - left);
  context.fillStyle = colour("--event-tint");
  context.beginPath();
  context.roundRect(left, 0, wide, height, Math.min(6, wide / 2));
  context.fill();
  context.font = "600 12px system-ui, sans-serif";
  if (context.measureText(label).width + 12 > wide) return;
  context.fillStyle = colour("--event");
  context.fillText(label, left + 6, 16);
}
