// Live sound in, live sound out: what a model makes of the microphone, in the headphones.

import { Live, streamOf } from "./live.js";
import { levelOf, Meter } from "./meter.js";
import { Player } from "./player.js";
import { hide, show } from "./problem.js";
import { clock, percent } from "./text.js";
import { RollingWave } from "./wave.js";

const $ = (id) => document.getElementById(id);

export class SoundLive {
  // `wanted` gives {ask, reference} for a session, or throws what is lacking.
  constructor(wanted) {
    this.wanted = wanted;
    this.wave = new RollingWave($("sound-wave"), 8);
    this.input = new Meter($("sound-input"));
    this.output = new Meter($("sound-output"));
    this.live = null;
    $("sound-listen").addEventListener("click", () => (this.live ? this.stop() : this.start()));
  }

  enter(model) {
    this.model = model;
    $("sound-live-card").hidden = !model.live;
    $("presence-part").hidden = !model.presence;
    this.clear();
  }

  stop() {
    this.live?.stop();
  }

  // Changes the session that goes on, if there is one.
  set(what) {
    this.live?.set(what);
  }

  async start() {
    hide();
    try {
      const { ask, reference } = this.wanted();
      this.clear();
      this.running(true);
      this.live = new Live(streamOf(this.model), ask, this.handlers(), reference);
      await this.live.start();
    } catch (error) {
      show(error);
    }
  }

  handlers() {
    let player = null;
    return {
      ready: async ({ output }) => {
        player = await Player.open(output.sample_rate_hz);
        this.rate = output.sample_rate_hz;
        $("sound-state").textContent = "Listening";
      },
      samples: (samples, rate, time) => {
        this.input.show(levelOf(samples));
        $("sound-clock").textContent = clock(time);
      },
      sound: (samples, sinceMs) => {
        this.wave.push(samples, this.rate);
        this.output.show(levelOf(samples));
        player.push(samples);
        $("sound-latency").textContent = `${Math.round(sinceMs + 1000 * player.delayS)} ms behind`;
        $("sound-gaps").textContent = player.gaps === 1 ? "1 gap" : `${player.gaps} gaps`;
      },
      level: ({ presence }) => {
        if (presence === undefined) return;
        $("presence").style.setProperty("--level", presence);
        $("presence").setAttribute("aria-valuenow", Math.round(100 * presence));
        $("presence-text").textContent = percent(presence);
      },
      ended: (error) => {
        player?.close();
        this.live = null;
        this.running(false);
        if (error) show(error);
      },
    };
  }

  running(on) {
    $("sound-listen").setAttribute("aria-pressed", String(on));
    $("sound-listen-text").textContent = on ? "Stop" : "Listen";
    $("sound-state").textContent = on ? "Getting ready" : "";
    this.wave.run(on);
    if (on) return;
    this.input.clear();
    this.output.clear();
  }

  clear() {
    this.wave.clear();
    this.wave.draw();
    $("sound-clock").textContent = "0:00";
    $("sound-latency").textContent = "";
    $("sound-gaps").textContent = "";
    $("presence-text").textContent = "";
    $("presence").style.setProperty("--level", 0);
  }
}
