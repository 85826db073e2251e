// The page of a model that answers with sound: whose voice is wanted, that voice live, and in a recording.

import { Problem } from "./problem.js";
import { SoundFile } from "./sound-file.js";
import { SoundLive } from "./sound-live.js";
import { Take } from "./take.js";

const $ = (id) => document.getElementById(id);

export class SoundPage {
  // `speakers` is the card of the enrolled, which pages share.
  constructor(speakers) {
    this.speakers = speakers;
    this.take = new Take($("take-voice"));
    this.live = new SoundLive(() => {
      const { speaker, reference } = this.wanted();
      return speaker ? { ask: { speaker } } : { ask: { enroll: true }, reference };
    });
    this.file = new SoundFile(() => this.wanted());
    $("voice").addEventListener("change", () => this.settle());
  }

  // Gives a line of facts about the model.
  enter(page) {
    const { model, routes } = page;
    this.offer([]);
    this.speakers.enter(model.speakers ? routes.enrolment : undefined, (enrolled, made) => this.offer(enrolled, made));
    this.live.enter(model);
    this.file.enter(model);
    const live = model.live ? `${(model.latency_ms + model.hop_ms).toFixed(1)} ms of delay` : "no live mode";
    return `${model.model}, ${model.sample_rate_hz / 1000} kHz, ${live}`;
  }

  leave() {
    this.live.stop();
    this.file.leave();
    for (const take of [this.take, this.speakers.take]) {
      take.quit();
      take.clear();
    }
  }

  // Who can be followed. Whoever has just been enrolled is followed at once.
  offer(enrolled, made = null) {
    const wanted = made?.id ?? $("voice").value;
    const options = enrolled.map((one) => new Option(one.name || one.id, one.id));
    $("voice").replaceChildren(new Option("a recording, used once", ""), ...options);
    $("voice").value = enrolled.some((one) => one.id === wanted) ? wanted : "";
    $("voice-choice").hidden = enrolled.length === 0;
    this.settle();
  }

  settle() {
    $("take-voice").hidden = $("voice").value !== "";
  }

  // The fields that tell the wanted voice.
  wanted() {
    const speaker = $("voice").value;
    if (speaker) return { speaker };
    if (this.take.file) return { reference: this.take.file };
    const hint = "Record a few seconds of it alone, choose a file, or choose who is enrolled.";
    throw new Problem({ message: "It is not said whose voice is wanted", hint });
  }
}
