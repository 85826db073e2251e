// A live session: microphone -> worklet -> WebSocket -> answers.

import { admitted } from "./key.js";
import { Microphone } from "./microphone.js";
import { Problem } from "./problem.js";

const END_MS = 3000;

export class Live {
  // on: {samples(samples, rate, time), scores(scores, latencyMs), event(event), ended(error or null)}
  constructor(url, on) {
    this.url = new URL(url);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    this.on = on;
    this.sent = []; // [seconds of audio sent, when], to tell the latency of each answer
    this.seconds = 0;
    this.error = null;
    this.open = false;
    this.over = false;
  }

  async start() {
    try {
      this.microphone = await Microphone.open((samples) => this.hear(samples));
      if (this.over) return this.microphone.close();
      await this.connect();
    } catch (error) {
      this.finish(error);
    }
  }

  async connect() {
    const url = await admitted(this.url);
    if (this.over) return;
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      const rate = this.microphone.rate;
      this.socket.send(JSON.stringify({ type: "start", format: "pcm_s16le", sample_rate_hz: rate, scores: true }));
    };
    this.socket.onmessage = (message) => this.read(JSON.parse(message.data));
    this.socket.onclose = (close) => {
      const cut = { message: "The connection was lost", hint: "Press Listen to start again." };
      this.finish(this.error ?? (close.code === 1000 ? null : new Problem(cut)));
    };
  }

  hear(samples) {
    if (!this.open) return;
    const pcm = new Int16Array(samples.length);
    for (let at = 0; at < samples.length; at += 1) pcm[at] = Math.max(-1, Math.min(1, samples[at])) * 32767;
    this.socket.send(pcm.buffer);
    this.seconds += samples.length / this.microphone.rate;
    this.sent.push([this.seconds, performance.now()]);
    this.on.samples(samples, this.microphone.rate, this.seconds);
  }

  read(message) {
    if (message.type === "ready") this.open = true;
    else if (message.type === "event") this.on.event(message);
    else if (message.type === "error") this.error = new Problem(message.error);
    else if (message.type === "scores") {
      while (this.sent.length > 1 && this.sent[0][0] < message.t) this.sent.shift();
      if (this.sent.length > 0) this.on.scores(message.scores, performance.now() - this.sent[0][1]);
    }
  }

  // Asks for the rest; the server answers and closes.
  stop() {
    this.microphone?.close();
    if (!this.open) return this.finish(null);
    this.open = false;
    this.socket.send(JSON.stringify({ type: "end" }));
    this.timer = setTimeout(() => this.finish(null), END_MS);
  }

  finish(error) {
    if (this.over) return;
    this.over = true;
    this.open = false;
    clearTimeout(this.timer);
    this.microphone?.close();
    this.socket?.close();
    this.on.ended(error);
  }
}
