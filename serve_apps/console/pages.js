// Which pages there are follows from what is served: one for each model that tells what it hears, and one for each
// embedder or extractor, whichever of its applications (vectors, verification, extraction, enrolment) there are; what
// answers with sound, of one voice or without its noise, has one kind of page; and each engine that writes down what is
// said has its own.

const HEARS = new Set(["classification", "emotion", "detection"]);
const SHARES = new Set(["embedding", "verification", "enrolment", "extraction"]);

export function pagesOf(models) {
  const pages = [];
  const shared = new Map();
  for (const model of models) {
    const name = model.application;
    if (model.answer === "enhancement") pages.push({ kind: "sound", name, model, routes: { enhancement: model.route } });
    if (HEARS.has(model.answer)) pages.push({ kind: "hear", name, model });
    if (model.answer === "transcription") pages.push({ kind: "transcribe", name, model });
    if (!SHARES.has(model.answer)) continue;
    const known = shared.get(model.model);
    const page = known ?? { kind: model.task === "extract" ? "sound" : "compare", name, model, routes: {} };
    page.routes[model.answer] = model.route;
    if (model.answer === "extraction") Object.assign(page, { name, model });
    if (!known) pages.push(page);
    shared.set(model.model, page);
  }
  return pages.filter((page) => page.kind !== "sound" || page.routes.extraction || page.routes.enhancement);
}
