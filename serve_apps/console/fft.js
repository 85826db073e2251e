// Spectra of real sound: an iterative radix-2 transform (Cooley and Tukey 1965) with a Hann window in front.

export class Fft {
  // size: a power of two.
  constructor(size) {
    this.size = size;
    const bits = Math.log2(size);
    this.cos = Float64Array.from({ length: size / 2 }, (_, at) => Math.cos((2 * Math.PI * at) / size));
    this.sin = Float64Array.from({ length: size / 2 }, (_, at) => -Math.sin((2 * Math.PI * at) / size));
    this.window = Float64Array.from({ length: size }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / size));
    this.order = Uint32Array.from({ length: size }, (_, at) => {
      let turned = 0;
      for (let bit = 0; bit < bits; bit += 1) turned |= ((at >> bit) & 1) << (bits - 1 - bit);
      return turned;
    });
    this.re = new Float64Array(size);
    this.im = new Float64Array(size);
  }

  // Powers of size / 2 + 1 frequencies around the sample `middle`; before and behind the sound there is silence. A sine
  // at full scale has 1.
  powers(samples, middle) {
    const { size, re, im, order, window } = this;
    const start = middle - size / 2;
    for (let at = 0; at < size; at += 1) {
      re[order[at]] = (samples[start + at] ?? 0) * window[at];
      im[at] = 0;
    }
    for (let half = 1; half < size; half *= 2) this.merge(half);
    return Float32Array.from({ length: size / 2 + 1 }, (_, at) => (16 * (re[at] ** 2 + im[at] ** 2)) / size ** 2);
  }

  merge(half) {
    const { size, re, im, cos, sin } = this;
    const step = size / (2 * half);
    for (let first = 0; first < size; first += 2 * half) {
      for (let at = 0; at < half; at += 1) {
        const [even, odd] = [first + at, first + at + half];
        const [c, s] = [cos[at * step], sin[at * step]];
        const turnedRe = re[odd] * c - im[odd] * s;
        const turnedIm = re[odd] * s + im[odd] * c;
        re[odd] = re[even] - turnedRe;
        im[odd] = im[even] - turnedIm;
        re[even] += turnedRe;
        im[even] += turnedIm;
      }
    }
  }
}
