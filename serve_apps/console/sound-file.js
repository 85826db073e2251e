// What a model makes of a recording, to be heard against it.

import { AB } from "./ab.js";
import { chosen } from "./drop.js";
import { hide, show } from "./problem.js";
import { percent } from "./text.js";
import { askSound, waveOf } from "./upload.js";

const $ = (id) => document.getElementById(id);

export class SoundFile {
  // `wanted` gives the fields of a request beside the recording, or throws what is lacking.
  constructor(wanted) {
    this.wanted = wanted;
    this.ab = new AB($("ab"));
    this.sent = 0; // answers to all but the latest are dropped
    chosen($("sound-drop"), $("sound-file"), (file) => this.send(file));
  }

  enter(model) {
    this.model = model;
    $("sound-limits").textContent = `wav, flac, mp3, ogg, webm, m4a; up to ${model.max_body_mib} MB`;
    this.forget();
  }

  leave() {
    this.sent += 1;
    this.ab.clear();
  }

  async send(file) {
    hide();
    const number = (this.sent += 1);
    try {
      const fields = this.wanted();
      $("sound-file-facts").textContent = file.name;
      $("sound-status").textContent = `Sending ${file.name}`;
      const answer = await askSound(this.model.route, { file, ...fields });
      const drawn = await Promise.all([waveOf(file), waveOf(answer.blob)]);
      if (number === this.sent) this.tell(file, answer, drawn);
    } catch (error) {
      if (number !== this.sent) return;
      this.forget();
      show(error);
    }
  }

  tell(file, { blob, told }, [mixture, sound]) {
    const spans = present(told);
    $("sound-result").hidden = false;
    this.ab.show([{ blob: file, samples: mixture }, { blob, samples: sound, spans }], told.duration_s);
    const levels = `${told.input_dbfs.toFixed(1)} dBFS in, ${told.output_dbfs.toFixed(1)} dBFS out`;
    const presence = told.presence === null ? "" : `, presence ${percent(told.presence)}`;
    $("sound-told").textContent = levels + presence;
    $("sound-status").textContent = `${file.name}: ${levels}${presence}`;
    $("sound-file-facts").textContent = `${file.name}, ${told.duration_s.toFixed(2)} s`;
    URL.revokeObjectURL($("sound-save").href);
    $("sound-save").href = URL.createObjectURL(blob);
    $("sound-save").download = `${file.name.replace(/\.[^.]*$/, "")}.extracted.wav`;
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
