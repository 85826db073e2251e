"""What the console's socket says again on a connection that follows another one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser

SOURCE = Path(__file__).parents[2] / "serve_apps" / "console" / "socket.js"

TALK = """
async (source) => {
  const lines = []; // what came over each connection: messages as they are, sound as its first byte
  window.WebSocket = class {
    static OPEN = 1;
    constructor() {
      this.readyState = 1;
      this.said = [];
      lines.push(this.said);
      this.constructor.last = this;
      setTimeout(() => this.onopen());
    }
    send(data) {
      this.said.push(typeof data === "string" ? JSON.parse(data) : new Uint8Array(data)[0]);
    }
    close() {}
    tell(message) {
      this.onmessage({ data: JSON.stringify(message) });
    }
  };
  const { SteadySocket } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  let opened;
  const next = () => new Promise((done) => (opened = done));
  let now = next();
  const socket = new SteadySocket(async () => "ws://x", {
    open: () => opened(), message: () => {}, lost: () => {}, close: () => {},
  });
  await now;
  const sound = (byte) => socket.sound(new Uint8Array([byte, byte]).buffer);
  const set = (dry) => socket.text({ type: "set", dry });
  WebSocket.last.tell({ type: "ready", resume: "one" });
  set(0.1);
  sound(1);
  set(0.2);
  sound(2);
  WebSocket.last.tell({ type: "ack", number: 1, messages: 1 });
  set(0.3);
  set(0.4);
  sound(3);
  WebSocket.last.onclose({ code: 1006 });
  set(0.5);
  while (lines.length < 2 || !lines[1].length) await new Promise((done) => setTimeout(done, 5));
  WebSocket.last.tell({ type: "ready", resume: "two", messages: 1 });
  return lines;
}
"""


def test_changes_are_said_again_where_they_were_said(
    launch: Callable[..., AbstractContextManager[Browser]],
) -> None:
    with launch(np.zeros(4800, np.float32)) as browser:
        lines: list[list[Any]] = browser.new_page().evaluate(TALK, SOURCE.read_text(encoding="ascii"))
    one, two = ([item.get("dry", item["type"]) if isinstance(item, dict) else item for item in line] for line in lines)
    assert one == [0.1, 1, 0.2, 2, "ack", 0.3, 0.4, 3]
    assert two == ["resume", 0.2, 2, 0.4, 3, 0.5]
