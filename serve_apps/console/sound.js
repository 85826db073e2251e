// The page of a model that answers with sound, live and of a recording: one voice out of a mixture, and then whose is
// asked; or speech without its noise, and then how much of the original stays.

import { Mix } from "./mix.js";
import { Problem } from "./problem.js";
import { SoundFile } from "./sound-file.js";
import { SoundLive } from "./sound-live.js";
import { Take } from "./take.js";

const $ = (id) => document.getElementById(id);

// By what a model answers with: what goes in and comes out, and how it is called.
const WORDS = {
  extraction: { from: "Mixture", to: "Voice", choose: "Choose a mixture", save: "Save the voice", suffix: "extracted" },
  enhancement: { from: "Noisy", to: "Clean", choose: "Choose a file", save: "Save the clean file", suffix: "enhanced" },
};

export class SoundPage {
  // `speakers` is the card of the enrolled, which pages share.
  constructor(speakers) {
    this.speakers = speakers;
    this.take = new Take($("take-voice"));
    this.live = new SoundLive(() => this.session());
    this.file = new SoundFile(() => this.wanted());
    this.mix = new Mix({ now: (dry) => this.live.set({ dry }), chosen: () => this.file.again() });
    $("voice").addEventListener("change", () => this.settle());
  }

  // Gives a line of facts about the model.
  enter(page) {
    const { model, routes } = page;
    this.enhances = model.answer === "enhancement";
    $("voice-card").hidden = this.enhances;
    this.mix.enter(this.enhances, model.live);
    this.offer([]);
    if (!this.enhances) {
      this.speakers.enter(model.speakers ? routes.enrolment : undefined, (enrolled, made) => this.offer(enrolled, made));
    }
    this.live.enter(model);
    this.file.enter(model, WORDS[model.answer]);
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

  // The start message of a session, and the recording that goes before it.
  session() {
    if (this.enhances) return { ask: { dry: this.mix.live } };
    const { reference, ...ask } = this.wanted();
    return reference ? { ask: { enroll: true }, reference } : { ask };
  }

  // The fields of a request beside the recording.
  wanted() {
    if (this.enhances) return { dry: this.mix.dry };
    const speaker = $("voice").value;
    if (speaker) return { speaker };
    if (this.take.file) return { reference: this.take.file };
    const hint = "Record a few seconds of it alone, choose a file, or choose who is enrolled.";
    throw new Problem({ message: "It is not said whose voice is wanted", hint });
  }
}
