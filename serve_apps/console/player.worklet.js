// Runs in the audio thread: plays samples as they come in, a little later than they could be played, so that what is
// late by a moment leaves no gap. Every gap makes it wait longer; what piles up is dropped.

const TELL_BLOCKS = 16;

class Player extends AudioWorkletProcessor {
  constructor({ processorOptions: { startS, mostS } }) {
    super();
    this.target = startS * sampleRate;
    this.most = mostS * sampleRate;
    this.chunks = [];
    this.at = 0; // in the first chunk
    this.waiting = 0;
    this.playing = false;
    this.gaps = 0;
    this.blocks = 0;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take(samples) {
    this.chunks.push(samples);
    this.waiting += samples.length;
    if (this.waiting > this.most) while (this.waiting > this.target && this.chunks.length > 1) this.drop();
  }

  drop() {
    this.waiting -= this.chunks.shift().length - this.at;
    this.at = 0;
  }

  process(_, [[channel]]) {
    this.playing ||= this.waiting >= this.target;
    if (this.playing && this.waiting < channel.length) {
      this.playing = false;
      this.gaps += 1;
      this.target = Math.min(this.target * 1.5, this.most / 2);
    }
    if (this.playing) this.fill(channel);
    this.blocks += 1;
    if (this.blocks % TELL_BLOCKS === 0) this.port.postMessage({ waitingS: this.waiting / sampleRate, gaps: this.gaps });
    return true;
  }

  fill(channel) {
    for (let done = 0; done < channel.length; ) {
      const [first] = this.chunks;
      const count = Math.min(channel.length - done, first.length - this.at);
      channel.set(first.subarray(this.at, this.at + count), done);
      done += count;
      this.at += count;
      this.waiting -= count;
      if (this.at === first.length) {
        this.chunks.shift();
        this.at = 0;
      }
    }
  }
}

registerProcessor("player", Player);
