// The console: one page, two ways to be heard. This file only wires the parts to the page.

import { Bars } from "./bars.js";
import { Live } from "./live.js";
import { hide, hint, show } from "./problem.js";
import { clock, percent } from "./text.js";
import { classify, waveOf } from "./upload.js";
import { drawWhole, RollingWave } from "./wave.js";

const $ = (id) => document.getElementById(id);
const FRESH_MS = 1400;
const MOST_EVENTS = 100;

let models = [];
let model = null;
let live = null;
let freshTimer = 0;

const wave = new RollingWave($("live-wave"), 8);
const liveBars = new Bars($("live-bars"));
const fileBars = new Bars($("file-bars"));

async function findModels() {
  const answer = await fetch("v1/models");
  const found = await answer.json();
  models = (found.models ?? []).filter((one) => one.task === "classify");
  if (models.length === 0) {
    $("status").className = "status down";
    $("status-text").textContent = "No model answers yet";
    setTimeout(start, 2000);
    return;
  }
  $("model-choice").hidden = models.length < 2;
  $("model").replaceChildren(...models.map((one, index) => new Option(`${one.application}: ${one.model}`, index)));
  choose(models[0]);
}

function choose(chosen) {
  model = chosen;
  $("status").className = "status ready";
  $("status-text").textContent = "Ready";
  $("listen").disabled = !model.live;
  $("file").disabled = false;
  $("drop-limits").textContent = `wav, flac, mp3, ogg, webm, m4a; up to ${model.max_body_mib} MB`;
  const hop = model.live ? `an answer every ${model.hop_ms} ms` : "no live mode";
  $("model-facts").textContent = `${model.model}, ${model.labels.length} labels, ${hop}`;
  liveBars.labels(model.labels, model.background);
  fileBars.labels(model.labels, model.background);
}

// ---- live ----

async function toggle() {
  if (live) return live.stop();
  hide();
  setListening(true);
  wave.clear();
  $("events").replaceChildren();
  $("events-empty").hidden = false;
  live = new Live(new URL(`${model.route}/stream`, location.href), {
    samples: (samples, rate, time) => {
      wave.push(samples, rate);
      showLevel(samples);
      $("clock").textContent = clock(time);
    },
    scores: (scores, latency) => {
      liveBars.show(scores);
      $("latency").textContent = `answers in ${Math.round(latency)} ms`;
    },
    event: addEvent,
    ended: (error) => {
      live = null;
      setListening(false);
      if (error) show(error);
    },
  });
  await live.start();
}

function setListening(on) {
  $("listen").setAttribute("aria-pressed", String(on));
  $("listen-text").textContent = on ? "Stop" : "Listen";
  wave.run(on);
  if (on) return;
  $("level").style.setProperty("--level", 0);
  liveBars.show({});
}

function addEvent(event) {
  const item = document.createElement("li");
  const parts = { when: clock(event.t_start, 1), label: event.label, value: percent(event.score) };
  for (const [name, text] of Object.entries(parts)) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    item.append(part, " ");
  }
  $("events").prepend(item);
  while ($("events").children.length > MOST_EVENTS) $("events").lastChild.remove();
  $("events-empty").hidden = true;
  wave.mark(event);
  $("heard").textContent = event.label;
  $("heard").classList.add("fresh");
  clearTimeout(freshTimer);
  freshTimer = setTimeout(() => $("heard").classList.remove("fresh"), FRESH_MS);
}

function showLevel(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = Math.max(-60, 10 * Math.log10(sum / samples.length + 1e-9));
  const level = $("level");
  level.style.setProperty("--level", 1 + db / 60);
  level.setAttribute("aria-valuenow", Math.round(db));
  level.setAttribute("aria-valuetext", db < -50 ? "silent" : db < -6 ? "good" : "too loud");
}

// ---- a recording ----

async function upload(file) {
  hide();
  $("file-status").textContent = `Sending ${file.name}`;
  $("file-facts").textContent = file.name;
  try {
    const [answer, wave] = await Promise.all([classify(model.route, file), waveOf(file)]);
    $("result").hidden = false;
    $("answer-label").textContent = answer.label;
    $("answer-score").textContent = percent(answer.score);
    const length = answer.duration_s === undefined ? "" : `, ${answer.duration_s.toFixed(2)} s`;
    $("file-facts").textContent = file.name + length;
    $("file-status").textContent = `${file.name}: ${answer.label}, ${percent(answer.score)}`;
    fileBars.show(Object.fromEntries(answer.scores.map((one) => [one.label, one.score])), true);
    URL.revokeObjectURL($("player").src);
    $("player").src = URL.createObjectURL(file);
    $("file-wave").hidden = wave === null;
    if (wave) drawWhole($("file-wave"), wave);
  } catch (error) {
    $("result").hidden = true;
    $("file-facts").textContent = "";
    $("file-status").textContent = "";
    show(error);
  }
}

function listenForFiles() {
  const drop = $("drop");
  $("file").addEventListener("change", () => {
    const [file] = $("file").files;
    if (file) upload(file);
    $("file").value = ""; // the same file may be chosen again
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      const file = event.dataTransfer?.files[0];
      if (kind === "drop" && file && model) upload(file);
    });
  }
}

function start() {
  findModels().catch((error) => {
    $("status").className = "status down";
    $("status-text").textContent = "The server does not answer";
    show(hint(error, "Is the server still running? The page tries again."));
    setTimeout(start, 3000);
  });
}

$("listen").addEventListener("click", toggle);
$("model").addEventListener("change", () => {
  live?.stop();
  choose(models[$("model").value]);
});
$("problem-close").addEventListener("click", hide);
listenForFiles();
start();
