// The console: finds what is served, and shows the page of the model that is chosen.

import { ComparePage } from "./compare.js";
import { HearPage } from "./hear.js";
import { reach } from "./key.js";
import { pagesOf } from "./pages.js";
import { hide, hint, show } from "./problem.js";
import { SoundPage } from "./sound.js";
import { Speakers } from "./speakers.js";
import { TranscribePage } from "./transcribe.js";

const $ = (id) => document.getElementById(id);

const speakers = new Speakers();
const views = {
  hear: new HearPage(),
  compare: new ComparePage(speakers),
  sound: new SoundPage(speakers),
  transcribe: new TranscribePage(),
};
let pages = [];
let view = null;

async function findModels() {
  const answer = await reach("v1/models");
  const found = await answer.json();
  pages = pagesOf(found.models ?? []);
  if (pages.length === 0) {
    $("status").className = "status down";
    $("status-text").textContent = "No model answers yet";
    setTimeout(start, 2000);
    return;
  }
  $("model-choice").hidden = pages.length < 2;
  $("model").replaceChildren(...pages.map((one, index) => new Option(`${one.name}: ${one.model.model}`, index)));
  const wanted = pages.findIndex((one) => `#${one.name}` === location.hash);
  choose(Math.max(0, wanted));
}

function choose(index) {
  const page = pages[index];
  hide();
  view?.leave();
  view = views[page.kind];
  $("speakers-card").hidden = true;
  for (const kind of Object.keys(views)) $(`${kind}-view`).hidden = kind !== page.kind;
  $("model").value = index;
  $("model-facts").textContent = view.enter(page);
  $("status").className = "status ready";
  $("status-text").textContent = "Ready";
}

function start() {
  findModels().catch((error) => {
    $("status").className = "status down";
    $("status-text").textContent = "The server does not answer";
    show(hint(error, "Is the server still running? The page tries again."));
    setTimeout(start, 3000);
  });
}

$("model").addEventListener("change", () => {
  choose(Number($("model").value));
  history.replaceState(null, "", `#${pages[$("model").value].name}`);
});
$("problem-close").addEventListener("click", hide);
start();
