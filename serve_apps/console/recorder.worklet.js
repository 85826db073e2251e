// Runs in the audio thread: collects blocks of 128 samples into chunks of 40 ms.

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate * 0.04);
    this.chunk = new Float32Array(this.size);
    this.used = 0;
  }

  process([[channel]]) {
    for (let at = 0; channel && at < channel.length; at += 1) {
      this.chunk[this.used] = channel[at];
      this.used += 1;
      if (this.used === this.size) {
        this.port.postMessage(this.chunk, [this.chunk.buffer]);
        this.chunk = new Float32Array(this.size);
        this.used = 0;
      }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
