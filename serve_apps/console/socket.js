// A socket that outlives its connection: what the server has not saved is kept, and sent again on the next connection
// (docs/protocol.md). It looks like a WebSocket that is never lost, as far as the server can go on with sessions.

const PATIENCE_MS = 60000;
const PAUSES_MS = [50, 100, 200, 400, 800, 1000];
const MAX_UNSAVED = 8 << 20; // bytes; a microphone fills them in minutes
const AGAIN = ["server.full", "server.draining", "server.starting", "server.internal", "env.cluster", "request.too_slow"];
const ELSEWHERE = ["server.full", "server.draining"]; // another replica may have room
const ANSWERS = ["event", "scores", "level"];

// Connections of one session have one name: HAProxy sends them to the same replica as long as it is there.
const newName = () => Math.random().toString(36).slice(2);

function named(url, name) {
  const address = new URL(url, location.href);
  address.searchParams.set("session_id", name);
  return address.href;
}

export class SteadySocket {
  // url() gives the address, anew for each connection: a ticket in it is good once.
  // on: {open(), message(object or ArrayBuffer), lost(), close(code, error or null)}
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.token = null;
    this.name = newName();
    this.unsaved = []; // binary messages that are not saved, from number `first` on, and `set` messages between them
    this.first = 0;
    this.bytes = 0;
    this.number = 0;
    this.received = 0;
    this.ready = false;
    this.ended = false;
    this.over = false;
    this.tries = 0;
    this.connect();
  }

  async connect() {
    this.ready = false;
    this.error = null;
    let url;
    try {
      url = await this.url();
    } catch (error) {
      this.error = this.token ? null : error; // once there was a session, it is tried again
      return this.closed(1006);
    }
    if (this.over) return;
    const socket = new WebSocket(named(url, this.name));
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.greet();
    socket.onmessage = ({ data }) => socket === this.socket && this.read(data);
    socket.onclose = ({ code }) => socket === this.socket && this.closed(code);
  }

  greet() {
    if (!this.token) return this.on.open();
    const place = { token: this.token, number: this.number, received: this.received };
    this.text({ type: "resume", ...place });
  }

  // The start message, and whatever else is no sound.
  text(message) {
    if (message.type === "set" && this.token) {
      if (this.unsaved.at(-1)?.type === "set") this.unsaved.pop(); // nothing was sent in between: the later one counts
      this.unsaved.push(message);
      if (!this.ready) return; // it goes with the sound
    }
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // Binary messages before `ready`: a recording of the wanted voice.
  raw(data) {
    this.socket.send(data);
  }

  sound(data) {
    if (this.over) return;
    if (this.token) {
      this.unsaved.push(data);
      this.bytes += data.byteLength;
      if (this.bytes > MAX_UNSAVED) return this.endWith(1006);
    }
    if (this.ready) this.socket.send(data);
  }

  end() {
    this.ended = true;
    if (this.ready) this.text({ type: "end" });
  }

  close() {
    this.over = true;
    this.socket?.close();
  }

  read(data) {
    if (data instanceof ArrayBuffer) {
      this.received += 1;
      return this.on.message(data);
    }
    const message = JSON.parse(data);
    if (message.type === "ready") return this.begin(message);
    if (message.type === "ack") return this.saved(message);
    if (message.type === "error") this.error = message.error;
    if (message.type === "drain") return;
    if (ANSWERS.includes(message.type)) this.received += 1;
    this.on.message(message);
  }

  begin(message) {
    const again = this.token !== null;
    this.token = message.resume ?? null;
    this.number = 0;
    this.tries = 0;
    this.drop(message.messages ?? 0);
    this.ready = true;
    for (const item of this.unsaved) this.socket.send(item instanceof ArrayBuffer ? item : JSON.stringify(item));
    if (this.ended) this.text({ type: "end" });
    if (!again) this.on.message(message);
  }

  saved({ number, messages }) {
    this.number = number;
    this.drop(messages);
    this.text({ type: "ack", number });
  }

  drop(until) {
    while (this.first < until) {
      const item = this.unsaved.shift();
      if (!(item instanceof ArrayBuffer)) continue;
      this.bytes -= item.byteLength;
      this.first += 1;
    }
  }

  closed(code) {
    if (ELSEWHERE.includes(this.error?.code)) this.name = newName();
    const final = this.error && !AGAIN.includes(this.error.code);
    if (this.over || code === 1000 || !this.token || final) return this.endWith(code);
    if (this.tries === 0) this.lostAt = performance.now();
    if (performance.now() - this.lostAt > PATIENCE_MS) return this.endWith(code);
    this.ready = false;
    this.on.lost?.();
    setTimeout(() => this.over || this.connect(), PAUSES_MS[Math.min(this.tries, PAUSES_MS.length - 1)]);
    this.tries += 1;
  }

  endWith(code) {
    this.over = true;
    this.socket?.close();
    this.on.close(code, this.error);
  }
}
