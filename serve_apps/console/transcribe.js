// The page of an engine that writes down what is said: a recording, its text by time, and the text to take away.

import { hide, Problem, show } from "./problem.js";
import { FORMS } from "./subtitles.js";
import { Take } from "./take.js";
import { clock } from "./text.js";
import { send } from "./upload.js";

const $ = (id) => document.getElementById(id);

export class TranscribePage {
  constructor() {
    this.take = new Take($("take-speech"));
    this.asked = 0;
    $("transcribe").addEventListener("submit", (event) => {
      event.preventDefault();
      this.transcribe();
    });
  }

  // Gives a line of facts about the model.
  enter(page) {
    this.page = page;
    const { languages, model } = page.model;
    $("language").replaceChildren(new Option(languages.length > 1 ? "told by the engine" : languages[0], ""), ...(languages.length > 1 ? languages.map((one) => new Option(one, one)) : []));
    this.forget();
    return `${model}, ${languages.length === 1 ? `language ${languages[0]}` : `${languages.length} languages`}`;
  }

  leave() {
    this.take.quit();
    this.take.clear();
    this.forget();
  }

  async transcribe() {
    hide();
    this.forget();
    const number = this.asked;
    const file = this.take.file;
    try {
      if (!file) throw new Problem({ message: "There is no recording", hint: "Choose a file, drop one, or record one." });
      $("transcript-status").textContent = `Writing down ${file.name}`;
      $("transcribe-send").disabled = true;
      const language = $("language").value;
      const fields = { file, response_format: "verbose_json", ...(language ? { language } : {}) };
      const found = await send(this.page.model.route, fields);
      if (number === this.asked) this.tell(file, found);
    } catch (error) {
      if (number !== this.asked) return;
      $("transcript-status").textContent = "";
      show(error);
    } finally {
      if (number === this.asked) $("transcribe-send").disabled = false;
    }
  }

  tell(file, { segments, duration }) {
    $("transcript").hidden = false;
    $("speech-player").src = this.url(file);
    const told = `${clock(duration, 1)} long, ${segments.length === 1 ? "1 line" : `${segments.length} lines`}`;
    $("transcript-status").textContent = segments.length === 0 ? `Nobody speaks in ${file.name}` : `${file.name}: ${told}`;
    $("transcript-lines").replaceChildren(...segments.map((one) => this.line(one)));
    const name = file.name.replace(/\.\w+$/, "");
    $("transcript-files").replaceChildren(
      ...Object.entries(FORMS).map(([ending, form]) => {
        const link = document.createElement("a");
        link.href = this.url(new Blob([form.of(segments)], { type: form.type }));
        link.download = `${name}.${ending}`;
        link.textContent = `Download .${ending}`;
        return link;
      }),
    );
  }

  line({ start, text }) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet number";
    button.textContent = clock(start, 1);
    button.setAttribute("aria-label", `Play from ${clock(start, 1)}`);
    button.addEventListener("click", () => this.play(start));
    const words = document.createElement("span");
    words.textContent = text;
    item.append(button, words);
    return item;
  }

  play(time) {
    $("speech-player").currentTime = time;
    $("speech-player").play().catch(() => {}); // a browser that cannot read the file says so in the player itself
  }

  url(blob) {
    const url = URL.createObjectURL(blob);
    this.urls.push(url);
    return url;
  }

  forget() {
    this.asked += 1;
    for (const url of this.urls ?? []) URL.revokeObjectURL(url);
    this.urls = [];
    $("speech-player").pause();
    $("transcript").hidden = true;
    $("transcript-status").textContent = "";
    $("transcribe-send").disabled = false;
  }
}
