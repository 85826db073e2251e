// Which pages there are follows from what is served: one for each model that tells what it hears, and one for each
// embedder, whichever of its applications (vectors, verification, enrolment) there are; and one for each engine that
// writes down what is said.

const HEARS = new Set(["classification", "emotion", "detection"]);
const COMPARES = new Set(["embedding", "verification", "enrolment"]);

export function pagesOf(models) {
  const pages = [];
  const embedders = new Map();
  for (const model of models) {
    const name = model.application;
    if (HEARS.has(model.answer)) pages.push({ kind: "hear", name, model });
    if (model.answer === "transcription") pages.push({ kind: "transcribe", name, model });
    if (!COMPARES.has(model.answer)) continue;
    const known = embedders.get(model.model);
    const page = known ?? { kind: "compare", name, model, routes: {} };
    page.routes[model.answer] = model.route;
    if (!known) pages.push(page);
    embedders.set(model.model, page);
  }
  return pages;
}
