// The page of an embedder: are two recordings, or a recording and an enrolled speaker, the same? And who is enrolled.

import { hide, Problem, show } from "./problem.js";
import { Take } from "./take.js";
import { send } from "./upload.js";

const $ = (id) => document.getElementById(id);

// By what the embedder was trained to tell apart.
const WORDS = {
  speaker: { question: "Same speaker?", same: "The same speaker", other: "Different speakers" },
  label: { question: "Same sound?", same: "The same sound", other: "Different sounds" },
};

export class ComparePage {
  // `speakers` is the card of the enrolled, which pages share.
  constructor(speakers) {
    this.first = new Take($("take-first"));
    this.second = new Take($("take-second"));
    this.speakers = speakers;
    this.asked = 0;
    $("against").addEventListener("change", () => this.settle());
    $("compare").addEventListener("submit", (event) => {
      event.preventDefault();
      this.compare();
    });
  }

  // Gives a line of facts about the model.
  enter(page) {
    this.page = page;
    this.words = WORDS[page.model.target];
    const { verification, embedding, enrolment } = page.routes;
    $("compare-card").hidden = !(verification ?? embedding);
    $("compare-title").textContent = this.words.question;
    const points = Object.keys(page.model.thresholds);
    $("strict").replaceChildren(...points.map((name) => new Option(name.replaceAll("_", " "), name)));
    $("strict").value = page.model.operating_point;
    this.offer([]);
    this.forget();
    this.speakers.enter(enrolment, (enrolled) => this.offer(enrolled));
    return `${page.model.model}, vectors of ${page.model.size} numbers`;
  }

  leave() {
    for (const take of [this.first, this.second, this.speakers.take]) {
      take.quit();
      take.clear();
    }
  }

  // Who a recording can be compared with: only a server that verifies knows the vectors of the enrolled.
  offer(enrolled) {
    const chosen = $("against").value;
    const known = this.page.routes.verification ? enrolled : [];
    $("against").replaceChildren(new Option("another recording", ""), ...known.map((one) => new Option(one.name || one.id, one.id)));
    $("against").value = known.some((one) => one.id === chosen) ? chosen : "";
    $("against-choice").hidden = known.length === 0;
    this.settle();
  }

  settle() {
    $("take-second").hidden = $("against").value !== "";
  }

  async compare() {
    hide();
    this.forget();
    const number = this.asked;
    const speaker = $("against").value;
    try {
      if (!this.first.file) throw lacking("The first recording is missing");
      if (!speaker && !this.second.file) throw lacking("There is nothing to compare it with");
      $("verdict-status").textContent = "Comparing";
      const found = await this.judge(this.first.file, speaker, $("strict").value);
      if (number === this.asked) this.tell(found);
    } catch (error) {
      if (number !== this.asked) return;
      $("verdict-status").textContent = "";
      show(error);
    }
  }

  async judge(file, speaker, point) {
    const { verification, embedding } = this.page.routes;
    if (verification) {
      const other = speaker ? { speaker } : { reference: this.second.file };
      return send(verification, { file, ...other }, { operating_point: point });
    }
    const vectors = await Promise.all([file, this.second.file].map((one) => send(embedding, { file: one })));
    const [one, other] = vectors.map((answer) => answer.embedding);
    const score = one.reduce((sum, value, at) => sum + value * other[at], 0);
    const threshold = this.page.model.thresholds[point];
    return { score, threshold, same: score >= threshold };
  }

  tell({ score, threshold, same }) {
    const verdict = same ? this.words.same : this.words.other;
    const facts = `cosine ${score.toFixed(2)}, the same from ${threshold.toFixed(2)} on`;
    $("verdict").hidden = false;
    $("verdict").classList.toggle("same", same);
    $("verdict-text").textContent = verdict;
    $("verdict-facts").textContent = facts;
    $("verdict-status").textContent = `${verdict}, ${facts}`;
    $("scale").style.setProperty("--score", (1 + score) / 2);
    $("scale").style.setProperty("--from", (1 + threshold) / 2);
  }

  forget() {
    this.asked += 1;
    $("verdict").hidden = true;
    $("verdict-status").textContent = "";
  }
}

const lacking = (message) => new Problem({ message, hint: "Choose a file, drop one, or record one." });
