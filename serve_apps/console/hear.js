// The page of a model that tells what it hears: live, and in a recording.

import { Bars } from "./bars.js";
import { chosen } from "./drop.js";
import { Live, streamOf } from "./live.js";
import { levelOf, Meter } from "./meter.js";
import { hide, show } from "./problem.js";
import { Recording } from "./recording.js";
import { clock, between, percent } from "./text.js";
import { RollingWave } from "./wave.js";

const $ = (id) => document.getElementById(id);
const FRESH_MS = 1400;
const MOST_EVENTS = 100;
const COMING = {
  detection: "What was heard appears here as soon as it has ended.",
  emotion: "Emotions appear here with their times.",
  classification: "Words appear here with their times.",
};

export class HearPage {
  constructor() {
    this.wave = new RollingWave($("live-wave"), 8);
    this.bars = new Bars($("live-bars"));
    this.level = new Meter($("level"));
    this.recording = new Recording();
    this.live = null;
    this.freshTimer = 0;
    $("listen").addEventListener("click", () => this.toggle());
    chosen($("drop"), $("file"), (file) => this.recording.send(file));
  }

  // Gives a line of facts about the model.
  enter({ model }) {
    this.model = model;
    $("live-card").hidden = !model.live;
    $("listen").disabled = !model.live;
    $("file").disabled = false;
    $("drop-limits").textContent = `wav, flac, mp3, ogg, webm, m4a; up to ${model.max_body_mib} MB`;
    $("events-empty").textContent = COMING[model.answer];
    this.bars.labels(model.labels, model.background);
    this.clear();
    this.recording.enter(model);
    const hop = model.live ? `an answer every ${model.hop_ms} ms` : "no live mode";
    const labels = model.labels.length === 1 ? "1 label" : `${model.labels.length} labels`;
    return `${model.model}, ${labels}, ${hop}`;
  }

  leave() {
    this.live?.stop();
  }

  async toggle() {
    if (this.live) return this.live.stop();
    hide();
    this.listening(true);
    this.clear();
    const { model } = this; // another may be chosen before the last answers are here
    this.live = new Live(streamOf(model), { scores: true }, {
      samples: (samples, rate, time) => {
        this.wave.push(samples, rate);
        this.level.show(levelOf(samples));
        $("clock").textContent = clock(time);
      },
      scores: (scores, latency) => {
        if (model !== this.model) return;
        this.bars.show(scores);
        $("latency").textContent = `answers in ${Math.round(latency)} ms`;
      },
      event: (event) => model === this.model && this.add(event),
      ended: (error) => {
        this.live = null;
        this.listening(false);
        if (error) show(error);
      },
    });
    await this.live.start();
  }

  clear() {
    this.wave.clear();
    this.wave.draw();
    $("events").replaceChildren();
    $("events-empty").hidden = false;
  }

  listening(on) {
    $("listen").setAttribute("aria-pressed", String(on));
    $("listen-text").textContent = on ? "Stop" : "Listen";
    this.wave.run(on);
    if (on) return;
    this.level.clear();
    this.bars.show({});
  }

  add(event) {
    const item = document.createElement("li");
    const when = this.model.answer === "detection" ? between(event) : clock(event.t_start, 1);
    for (const [name, text] of Object.entries({ when, label: event.label, value: percent(event.score) })) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      item.append(part, " ");
    }
    $("events").prepend(item);
    while ($("events").children.length > MOST_EVENTS) $("events").lastChild.remove();
    $("events-empty").hidden = true;
    this.wave.mark(event);
    $("heard").textContent = event.label;
    $("heard").classList.add("fresh");
    clearTimeout(this.freshTimer);
    this.freshTimer = setTimeout(() => $("heard").classList.remove("fresh"), FRESH_MS);
  }
}
