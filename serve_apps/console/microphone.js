// The microphone as raw samples, at whatever rate the device has: the server resamples.

import { Problem } from "./problem.js";

const REASONS = {
  NotAllowedError: ["The microphone is not allowed here", "Allow it in the browser's address bar and try again."],
  NotFoundError: ["There is no microphone", "Connect one, or choose a recording below."],
  NotReadableError: ["The microphone is in use", "Close the other program that uses it."],
};

export class Microphone {
  // `hear` is called with a Float32Array for every 40 ms.
  static async open(hear) {
    if (!navigator.mediaDevices || !window.AudioWorkletNode) {
      const hint = "Browsers give it only to pages from localhost or https.";
      throw new Problem({ message: "The microphone cannot be reached", hint });
    }
    const microphone = new Microphone();
    try {
      microphone.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
      microphone.context = new AudioContext({ latencyHint: "interactive" });
      await microphone.context.audioWorklet.addModule(new URL("recorder.worklet.js", import.meta.url));
      const source = microphone.context.createMediaStreamSource(microphone.stream);
      microphone.node = new AudioWorkletNode(microphone.context, "recorder", { numberOfOutputs: 0, channelCount: 1 });
      microphone.node.port.onmessage = (message) => hear(message.data);
      source.connect(microphone.node);
      await microphone.context.resume();
    } catch (error) {
      microphone.close();
      const [message, hint] = REASONS[error.name] ?? [error.message, "Reload the page and try again."];
      throw new Problem({ message, hint });
    }
    return microphone;
  }

  get rate() {
    return this.context.sampleRate;
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.node) this.node.port.onmessage = null;
    if (this.context?.state !== "closed") this.context?.close();
  }
}
