// What a model makes of a recording, to be heard against it.

import { AB } from "./ab.js";
import { chosen } from "./drop.js";
import { hide, show } from "./problem.js";
import { Recorder } from "./record.js";
import { percent } from "./text.js";
import { askFile, askSound, waveOf } from "./upload.js";

const $ = (id) => document.getElementById(id);

export class SoundFile {
  // `wanted` gives the fields of a request beside the recording, or throws what is lacking.
  constructor(wanted) {
    this.wanted = wanted;
    this.ab = new AB($("ab"));
    this.sent = 0; // answers to all but the latest are dropped
    chosen($("sound-drop"), $("sound-file"), (file) => this.send(file));
    this.recorder = new Recorder($("sound-record"), (file) => this.send(file));
  }

  // words: what goes in and comes out is called.
  enter(model, words) {
    Object.assign(this, { model, words, file: null });
    $("sound-choose").textContent = words.choose;
    $("sound-save").textContent = words.save;
    this.ab.name(words.from, words.to);
    $("sound-limits").textContent = `wav, flac, mp3, ogg, webm, m4a; up to ${model.max_body_mib} MB`;
    this.forget();
  }

  leave() {
    this.sent += 1;
    this.file = null;
    this.recorder.quit();
    this.ab.clear();
  }

  // The same recording once more, because what is wanted of it has changed.
  again() {
    if (this.file) this.send(this.file);
  }

  async send(file) {
    hide();
    const number = (this.sent += 1);
    try {
      const fields = this.wanted();
      $("sound-file-facts").textContent = file.name;
      $("sound-status").textContent = `Sending ${file.name}`;
      const ask = this.model.presence ? askSound : askFile;
      const answer = await ask(this.model.route, { file, ...fields });
      const rate = this.model.sample_rate_hz;
      const drawn = await Promise.all([waveOf(file, rate), waveOf(answer.blob, rate)]);
      if (number === this.sent) this.tell(file, answer, drawn);
    } catch (error) {
      if (number !== this.sent) return;
      this.forget();
      show(error);
    }
  }

  tell(file, { blob, told }, [mixture, sound]) {
    this.file = file;
    const spans = present(told);
    $("sound-result").hidden = false;
    this.ab.show([{ blob: file, samples: mixture }, { blob, samples: sound, spans }], told.duration_s, this.model.sample_rate_hz);
    const levels = `${told.input_dbfs.toFixed(1)} dBFS in, ${told.output_dbfs.toFixed(1)} dBFS out`;
    const presence = told.presence === null ? "" : `, presence ${percent(told.presence)}`;
    $("sound-told").textContent = levels + presence;
    $("sound-status").textContent = `${file.name}: ${levels}${presence}`;
    $("sound-file-facts").textContent = `${file.name}, ${told.duration_s.toFixed(2)} s`;
    URL.revokeObjectURL($("sound-save").href);
    $("sound-save").href = URL.createObjectURL(blob);
    $("sound-save").download = `${file.name.replace(/\.[^.]*$/, "")}.${this.words.suffix}.wav`;
  }

  forget() {
    this.ab.clear();
    $("sound-result").hidden = true;
    $("sound-file-facts").textContent = "";
    $("sound-status").textContent = "";
  }
}

// Stretches in which the wanted voice is likelier there than not.
function present({ presence_over_time: values, presence_step_s: step, duration_s: length }) {
  const spans = [];
  (values ?? []).forEach((value, index) => {
    if (value <= 0.5) return;
    const [t_start, t_end] = [index * step, Math.min(length, (index + 1) * step)];
    const last = spans.at(-1);
    if (last && t_start - last.t_end < step / 2) last.t_end = t_end;
    else spans.push({ t_start, t_end, label: "voice" });
  });
  return spans;
}
