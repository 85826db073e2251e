// Asks the server, and reads the samples of a recording for its picture.

import { reach } from "./key.js";
import { Problem } from "./problem.js";

// fields: name -> text, file, or list of files. Errors of the server become Problems.
export async function send(route, fields, query = {}) {
  return ask("POST", `${route}?${new URLSearchParams(query)}`.replace(/\?$/, ""), formOf(fields));
}

// Of a route that answers with sound: {told, blob}, what is known of it and a WAV file.
export async function askSound(route, fields) {
  const { audio, ...told } = await ask("POST", route, formOf(fields), { accept: "application/json" });
  const bytes = Uint8Array.from(atob(audio.base64), (letter) => letter.charCodeAt(0));
  return { told, blob: new Blob([bytes], { type: `audio/${audio.format}` }) };
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) form.append(name, one);
  }
  return form;
}

export async function ask(method, path, body, headers = {}) {
  const answer = await reach(path.replace(/^\//, ""), { method, body, headers });
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
