// Asks the server, and reads the samples of a recording for its picture.

import { reach } from "./key.js";
import { Problem } from "./problem.js";

const MOST_BYTES = 64 << 20; // of a file that is drawn

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

// Of a route that answers with sound of any length: the same by its headers, without what only JSON tells.
export async function askFile(route, fields) {
  const answer = await fetch(route.replace(/^\//, ""), { method: "POST", body: formOf(fields), headers: { accept: "audio/wav" } });
  if (!answer.ok) throw new Problem((await answer.json()).error);
  const number = (name) => Number(answer.headers.get(`X-Sonant-${name}`));
  const told = { duration_s: number("Duration"), input_dbfs: number("Input-Dbfs"), output_dbfs: number("Output-Dbfs"), presence: null };
  return { told, blob: await answer.blob() };
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

// The samples of the first channel; null when the browser cannot read what the server can, or it is too much for it.
export async function waveOf(file, rate = 16_000) {
  if (file.size > MOST_BYTES) return null;
  const context = new OfflineAudioContext(1, 1, rate);
  try {
    return (await context.decodeAudioData(await file.arrayBuffer())).getChannelData(0);
  } catch {
    return null;
  }
}
