// Probabilities as bars, one for each label. With very many labels only the likeliest are shown.

import { percent } from "./text.js";

const MOST = 12;

export class Bars {
  constructor(list) {
    this.list = list;
    this.rows = new Map();
  }

  labels(labels, background) {
    const quiet = new Set(background);
    const ordered = [...labels.filter((one) => !quiet.has(one)), ...labels.filter((one) => quiet.has(one))];
    this.rows = new Map(ordered.map((label) => [label, row(label, quiet.has(label))]));
    this.show({});
  }

  // scores: label -> probability. With `sorted`, the likeliest comes first; live bars keep their places.
  show(scores, sorted = false) {
    const value = (label) => scores[label] ?? 0;
    const ranked = [...this.rows.keys()].sort((a, b) => value(b) - value(a));
    const kept = new Set(ranked.slice(0, MOST));
    const shown = sorted ? ranked.slice(0, MOST) : [...this.rows.keys()].filter((label) => kept.has(label));
    for (const label of shown) {
      const { item, fill, text } = this.rows.get(label);
      fill.style.setProperty("--p", value(label));
      text.textContent = percent(value(label));
      item.classList.toggle("best", label === ranked[0] && value(label) > 0);
    }
    const items = shown.map((label) => this.rows.get(label).item);
    if (items.some((item, index) => this.list.children[index] !== item) || this.list.children.length > items.length) {
      this.list.replaceChildren(...items);
    }
  }
}

function row(label, quiet) {
  const item = document.createElement("li");
  const [name, track, fill, text] = ["name", "track", "fill", "value"].map((part) => {
    const element = document.createElement("span");
    element.className = part;
    return element;
  });
  item.classList.toggle("background", quiet);
  name.textContent = label.replace(/^_(.*)_$/, "$1");
  name.title = label;
  track.append(fill);
  item.append(name, track, text);
  return { item, fill, text };
}
