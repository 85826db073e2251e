// Asks the server, and reads the samples of a recording for its picture.

import { reach } from "./key.js";
import { Problem } from "./problem.js";

// fields: name -> text, file, or list of files. Errors of the server become Problems.
export async function send(route, fields, query = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) form.append(name, one);
  }
  return ask("POST", `${route}?${new URLSearchParams(query)}`.replace(/\?$/, ""), form);
}

export async function ask(method, path, body) {
  const answer = await reach(path.replace(/^\//, ""), { method, body });
  if (answer.status === 204) return null;
  const told = await answer.json();
  if (!answer.ok) throw new Problem(told.error);
  return told;
}

// The samples of the first channel at 16 kHz; null when the browser cannot read what the server can.
export async function waveOf(file) {
  const context = new OfflineAudioContext(1, 1, 16_000);
  try {
    return (await context.decodeAudioData(await file.arrayBuffer())).getChannelData(0);
  } catch {
    return null;
  }
}
