// What a model says about a recording: a label, an emotion and how it changes, or what is heard when.

import { Bars } from "./bars.js";
import { hide, show } from "./problem.js";
import { merged, SpanList } from "./spans.js";
import { percent } from "./text.js";
import { send, waveOf } from "./upload.js";
import { WholeWave } from "./wave.js";

const $ = (id) => document.getElementById(id);

// By what an application answers with: its query, and its answer in the form that is shown.
const FORMS = {
  classification: {
    query: () => ({}),
    read: ({ label, score, scores }) => ({ label, value: percent(score), scores, spans: [] }),
  },
  emotion: {
    query: () => ({ timeline: true }),
    read: ({ emotion, probabilities, timeline }) => ({
      label: emotion,
      value: percent(probabilities[emotion]),
      scores: Object.entries(probabilities).map(([label, score]) => ({ label, score })),
      spans: timeline.length > 1 ? merged(timeline) : [],
    }),
  },
  detection: {
    query: () => ({ operating_point: $("point").value }),
    read: ({ segments, duration_s }) => ({
      label: segments.length === 0 ? "Nothing heard" : segments.length === 1 ? "1 segment" : `${segments.length} segments`,
      value: `${total(segments).toFixed(1)} of ${duration_s.toFixed(1)} s`,
      scores: [],
      spans: segments,
    }),
  },
};

const total = (spans) => spans.reduce((sum, { t_start, t_end }) => sum + t_end - t_start, 0);

export class Recording {
  constructor() {
    this.wave = new WholeWave($("file-wave"));
    this.bars = new Bars($("file-bars"));
    this.spans = new SpanList($("spans"), (time) => this.play(time));
    this.file = null;
    this.sent = 0; // answers to all but the latest are dropped
    $("player").addEventListener("timeupdate", () => this.wave.at($("player").currentTime));
    $("point").addEventListener("change", () => this.file && this.send(this.file));
  }

  enter(model) {
    this.model = model;
    this.sent += 1;
    this.file = null;
    const points = model.answer === "detection" ? model.operating_points : [];
    $("point-choice").hidden = points.length === 0;
    $("point").replaceChildren(...points.map((name) => new Option(name.replaceAll("_", " "), name)));
    $("point").value = model.operating_point ?? "";
    $("point-live").textContent = model.live && points.length > 1 ? `live: ${$("point").selectedOptions[0].text}` : "";
    this.bars.labels(model.labels, model.background);
    this.forget();
  }

  async send(file) {
    hide();
    const number = (this.sent += 1);
    $("file-status").textContent = `Sending ${file.name}`;
    $("file-facts").textContent = file.name;
    const form = FORMS[this.model.answer];
    try {
      const [answer, samples] = await Promise.all([send(this.model.route, { file }, form.query()), waveOf(file)]);
      if (number === this.sent) this.tell(file, answer, form.read(answer), samples);
    } catch (error) {
      if (number !== this.sent) return;
      this.forget();
      show(error);
    }
  }

  tell(file, answer, { label, value, scores, spans }, samples) {
    $("result").hidden = false;
    $("answer-label").textContent = label;
    $("answer-score").textContent = value;
    const length = answer.duration_s ?? (samples ? samples.length / 16_000 : spans.at(-1)?.t_end);
    $("file-facts").textContent = length === undefined ? file.name : `${file.name}, ${length.toFixed(2)} s`;
    $("file-status").textContent = `${file.name}: ${label}, ${value}`;
    $("file-bars").hidden = scores.length === 0;
    this.bars.show(Object.fromEntries(scores.map((one) => [one.label, one.score])), true);
    if (file !== this.file) this.load(file);
    $("file-wave").hidden = samples === null && spans.length === 0;
    this.wave.show(samples ?? [], spans, length ?? 0);
    $("spans-part").hidden = spans.length === 0;
    this.spans.show(spans);
  }

  load(file) {
    this.file = file;
    URL.revokeObjectURL($("player").src);
    $("player").src = URL.createObjectURL(file);
  }

  play(time) {
    $("player").currentTime = time;
    $("player").play().catch(() => {}); // a browser that cannot read the file says so in the player itself
  }

  forget() {
    $("player").pause();
    $("result").hidden = true;
    $("file-facts").textContent = "";
    $("file-status").textContent = "";
  }
}
