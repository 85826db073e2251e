// Plays samples as they arrive, at the rate they have: the browser resamples.

const START_S = 0.06; // a chunk of the microphone is 40 ms
const MOST_S = 0.5;

export class Player {
  static async open(rate) {
    const player = new Player();
    player.waitingS = START_S;
    player.gaps = 0;
    player.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    try {
      await player.context.audioWorklet.addModule(new URL("player.worklet.js", import.meta.url));
      const processorOptions = { startS: START_S, mostS: MOST_S };
      const shape = { numberOfInputs: 0, outputChannelCount: [1], processorOptions };
      player.node = new AudioWorkletNode(player.context, "player", shape);
      player.node.port.onmessage = ({ data }) => Object.assign(player, data);
      player.node.connect(player.context.destination);
      await player.context.resume();
    } catch (error) {
      player.close();
      throw error;
    }
    return player;
  }

  // samples: a Float32Array, which is given away.
  push(samples) {
    this.node.port.postMessage(samples, [samples.buffer]);
  }

  // Seconds until what is pushed now is heard.
  get delayS() {
    return this.waitingS + (this.context.outputLatency || this.context.baseLatency || 0);
  }

  close() {
    if (this.node) this.node.port.onmessage = null;
    if (this.context.state !== "closed") this.context.close();
  }
}
