// Renders openapi.json: what is served here, with nothing loaded from elsewhere.

import { reach } from "./key.js";

function element(name, text = "", ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

// Text with `code` in it.
function prose(name, text) {
  const made = element(name);
  text.split("`").forEach((part, index) => made.append(index % 2 ? element("code", part) : part));
  return made;
}

function titled(title, child) {
  return element("section", "", element("h3", title), child);
}

function table(head, rows) {
  const line = (cells, kind) => element("tr", "", ...cells.map((cell) => prose(kind, cell)));
  const body = rows.map((cells) => line(cells, "td"));
  return element("table", "", element("thead", "", line(head, "th")), element("tbody", "", ...body));
}

const pretty = (value) => element("pre", JSON.stringify(value, null, 2));

// The recordings that a form takes; its words, and which of the fields may be left out, are in the description.
function recordings(operation) {
  const fields = operation.requestBody?.content["multipart/form-data"]?.schema.properties ?? {};
  return Object.entries(fields).filter(([, field]) => (field.items ?? field).format === "binary").map(([name]) => name);
}

function curl(path, method, operation) {
  const files = { file: "recording" };
  const body = recordings(operation).map((name) => ` -F ${name}=@${files[name] ?? name}.wav`).join("");
  const verb = method === "GET" || body ? "" : ` -X ${method}`;
  return element("pre", `curl${verb}${body} ${location.origin}${path}`);
}

// The codes of an answer are the names of its examples.
function answers(operation) {
  return Object.entries(operation.responses ?? {}).map(([status, answer]) => {
    const examples = answer.content?.["application/json"]?.examples ?? {};
    return [status, answer.description ?? "", Object.keys(examples).join(", ")];
  });
}

// Messages of a socket: the name and fields of each.
function messages(document, schema) {
  return (schema.oneOf ?? schema.anyOf).map(({ $ref }) => {
    const one = named(document, $ref);
    const fields = Object.keys(one.properties).filter((name) => name !== "type");
    return [one.properties.type.const, fields.join(", "), one.description ?? ""];
  });
}

// A schema among the components.
function named(document, reference) {
  return document.components.schemas[reference?.split("/").at(-1)];
}

// What a key must be allowed, where keys are asked for.
function right(operation) {
  const [asked] = operation.security ?? [];
  return asked ? [`Asks for a key${asked.key.length ? ` with the right ${asked.key.join(", ")}` : ""}.`] : [];
}

function example(document, operation) {
  const content = (operation.responses["200"] ?? operation.responses["201"])?.content?.["application/json"];
  return content?.example ?? named(document, content?.schema?.$ref)?.example;
}

function describe(document, path, method, operation) {
  const summary = element("summary");
  const verb = element("span", operation["x-websocket"] ? "WS" : method);
  verb.className = "method";
  const about = element("span", operation.summary ?? "");
  about.className = "muted";
  summary.append(verb, element("code", path), about);
  const inside = element("div");
  if (operation.description) inside.append(prose("p", operation.description));
  inside.append(...right(operation).map((text) => element("p", text)));
  if (!operation["x-websocket"]) inside.append(curl(path, method, operation));
  const parameters = (operation.parameters ?? []).map((one) => [one.name, one.in, one.description ?? ""]);
  if (parameters.length) inside.append(titled("Parameters", table(["name", "in", "meaning"], parameters)));
  const sample = example(document, operation);
  if (sample) inside.append(titled("Answer", pretty(sample)));
  for (const [side, schema] of Object.entries(operation["x-websocket"] ?? {})) {
    inside.append(titled(`Messages of the ${side}`, table(["type", "fields", "meaning"], messages(document, schema))));
  }
  inside.append(titled("Statuses", table(["status", "meaning", "error codes"], answers(operation))));
  const details = element("details", "", summary, inside);
  details.className = "operation";
  return details;
}

async function render() {
  const openapi = await (await reach("openapi.json")).json();
  document.title = `${openapi.info.title}: API`;
  document.getElementById("title").textContent = `${openapi.info.title}: API`;
  const operations = Object.entries(openapi.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => describe(openapi, path, method.toUpperCase(), operation)),
  );
  operations[0].open = true;
  document.getElementById("operations").replaceChildren(element("p", openapi.info.description), ...operations);
}

render().catch((error) => {
  document.getElementById("operations").replaceChildren(element("p", `The API cannot be read: ${error.message}`));
});
