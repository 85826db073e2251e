// A live session: microphone -> worklet -> WebSocket -> answers, which are messages or sound.

import { admitted } from "./key.js";
import { Microphone } from "./microphone.js";
import { Problem } from "./problem.js";
import { SteadySocket } from "./socket.js";

const END_MS = 3000;
const PIECE = 1 << 16;

export const streamOf = ({ route }) => new URL(`${route}/stream`.replace(/^\//, ""), document.baseURI);

export class Live {
  // ask: what the start message asks for; with `enroll`, `reference` is the recording of the wanted voice.
  // on: {samples(samples, rate, time), ended(error or null)}, and of what the model answers with
  // {scores(scores, latencyMs), event(event)} or {ready(message), sound(samples, latencyMs), level(message)}
  constructor(url, ask, on, reference = null) {
    this.ask = ask;
    this.reference = reference;
    this.url = new URL(url);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    this.on = on;
    this.sent = []; // [seconds of audio sent, when], to tell the latency of each answer
    this.seconds = 0;
    this.heard = 0; // seconds of sound that came back
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

  connect() {
    const cut = { message: "The connection was lost", hint: "Press Listen to start again." };
    this.socket = new SteadySocket(() => admitted(this.url), {
      open: () => this.begin(),
      message: (message) => (message instanceof ArrayBuffer ? this.sound(message) : this.read(message)),
      close: (code, error) => this.finish(code === 1000 ? null : new Problem(error ?? cut)),
    });
  }

  async begin() {
    const format = { format: "pcm_s16le", sample_rate_hz: this.microphone.rate };
    const recording = await this.reference?.arrayBuffer();
    if (this.over) return;
    this.socket.text({ type: "start", ...format, ...this.ask, resume: true });
    if (!recording) return;
    for (let at = 0; at < recording.byteLength; at += PIECE) this.socket.raw(recording.slice(at, at + PIECE));
    this.socket.text({ type: "enrolled" });
  }

  hear(samples) {
    if (!this.open) return;
    const pcm = new Int16Array(samples.length);
    for (let at = 0; at < samples.length; at += 1) pcm[at] = Math.max(-1, Math.min(1, samples[at])) * 32767;
    this.socket.sound(pcm.buffer);
    this.seconds += samples.length / this.microphone.rate;
    this.sent.push([this.seconds, performance.now()]);
    this.on.samples(samples, this.microphone.rate, this.seconds);
  }

  read(message) {
    if (message.type === "ready") this.ready(message);
    else if (message.type === "level") this.on.level(message);
    else if (message.type === "event") this.on.event(message);
    else if (message.type === "scores") this.on.scores(message.scores, this.since(message.t));
  }

  async ready(message) {
    this.output = message.output;
    try {
      await this.on.ready?.(message);
      this.open = !this.over;
    } catch (error) {
      this.finish(error);
    }
  }

  sound(data) {
    if (this.over) return;
    const samples = Float32Array.from(new Int16Array(data), (sample) => sample / 32768);
    this.heard += samples.length / this.output.sample_rate_hz;
    this.on.sound(samples, this.since(this.heard));
  }

  // Milliseconds since the sound of that second was sent.
  since(time) {
    while (this.sent.length > 1 && this.sent[0][0] < time) this.sent.shift();
    return this.sent.length > 0 ? performance.now() - this.sent[0][1] : 0;
  }

  // Changes what is answered from here on; before the session is open it goes into the start message.
  set(what) {
    Object.assign(this.ask, what);
    if (this.open) this.socket.text({ type: "set", ...what });
  }

  // Asks for the rest; the server answers and closes.
  stop() {
    this.microphone?.close();
    if (!this.open) return this.finish(null);
    this.open = false;
    this.socket.end();
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
