// Stretches of a recording as a list: each can be heard.

import { between, percent } from "./text.js";

export class SpanList {
  constructor(list, play) {
    this.list = list;
    this.play = play;
  }

  show(spans) {
    this.list.replaceChildren(...spans.map((span) => this.item(span)));
  }

  item(span) {
    const button = document.createElement("button");
    button.type = "button";
    for (const [name, text] of [["when", between(span)], ["label", span.label], ["value", percent(span.score)]]) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      button.append(part, " ");
    }
    button.addEventListener("click", () => this.play(span.t_start));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}

// A timeline of emotions as spans: neighbours that sound the same are one, as sure as they are on average.
export function merged(timeline) {
  const spans = [];
  for (const { t_start, t_end, emotion, probabilities } of timeline) {
    const last = spans.at(-1);
    const score = probabilities[emotion];
    if (last?.label !== emotion) {
      spans.push({ t_start, t_end, label: emotion, score });
      continue;
    }
    const [before, more] = [last.t_end - last.t_start, t_end - t_start];
    last.score = (last.score * before + score * more) / (before + more);
    last.t_end = t_end;
  }
  return spans;
}
