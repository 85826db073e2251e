// A level as a bar: -60 dB is empty, 0 dB is full.

const LEAST_DB = -60;

export const levelOf = (samples) => {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / samples.length + 1e-9);
};

export class Meter {
  constructor(element) {
    this.element = element;
  }

  show(level) {
    const db = Math.min(0, Math.max(LEAST_DB, level));
    this.element.style.setProperty("--level", 1 - db / LEAST_DB);
    this.element.setAttribute("aria-valuenow", Math.round(db));
    this.element.setAttribute("aria-valuetext", db < -50 ? "silent" : db < -6 ? "good" : "too loud");
  }

  clear() {
    this.show(LEAST_DB);
  }
}
