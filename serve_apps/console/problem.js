// Errors, with what to do about them. The server's have a code, a message, a hint and a request id.

const box = document.getElementById("problem");

export class Problem extends Error {
  constructor({ message, hint = "", request_id = "" }) {
    super(message);
    this.hint = hint;
    this.requestId = request_id;
  }
}

export const hint = (error, text) => new Problem({ message: error.message, hint: text });

export function show(error) {
  document.getElementById("problem-message").textContent = sentence(error.message);
  document.getElementById("problem-hint").textContent = sentence(error.hint ?? "");
  document.getElementById("problem-id").textContent = error.requestId ? `Request ${error.requestId}` : "";
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function hide() {
  box.hidden = true;
}
