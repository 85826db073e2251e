// Sends a recording, and reads its samples for the picture.

import { Problem } from "./problem.js";

export async function classify(route, file) {
  const form = new FormData();
  form.append("file", file);
  const answer = await fetch(route.replace(/^\//, ""), { method: "POST", body: form });
  const body = await answer.json();
  if (!answer.ok) throw new Problem(body.error);
  return body.emotion === undefined ? body : asLabels(body);
}

// The answer about an emotion in the form of all others.
function asLabels({ emotion, probabilities }) {
  const scores = Object.entries(probabilities).map(([label, score]) => ({ label, score }));
  return { label: emotion, score: probabilities[emotion], scores };
}

// The samples of the first channel; null when the browser cannot read what the server can.
export async function waveOf(file) {
  const context = new OfflineAudioContext(1, 1, 16000);
  try {
    return (await context.decodeAudioData(await file.arrayBuffer())).getChannelData(0);
  } catch {
    return null;
  }
}
