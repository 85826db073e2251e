// A transcript as subtitles, from the segments of the server: no second request for what is known already.

const stamp = (seconds, comma) => {
  const ms = Math.round(1000 * seconds);
  const parts = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60].map((one) => String(Math.floor(one)).padStart(2, "0"));
  return `${parts.join(":")}${comma}${String(ms % 1000).padStart(3, "0")}`;
};

const line = (text) => text.replace(/\s+/g, " ").replaceAll("-->", "->").trim();

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const range = ({ start, end }, comma) => `${stamp(start, comma)} --> ${stamp(Math.max(end, start + 0.001), comma)}`;

export const FORMS = {
  txt: { type: "text/plain", of: (segments) => `${segments.map((one) => line(one.text)).join("\n")}\n` },
  srt: {
    type: "application/x-subrip",
    of: (segments) => segments.map((one, at) => `${at + 1}\n${range(one, ",")}\n${line(one.text)}\n`).join("\n"),
  },
  vtt: {
    type: "text/vtt",
    of: (segments) => ["WEBVTT\n", ...segments.map((one) => `${range(one, ".")}\n${escaped(line(one.text))}\n`)].join("\n"),
  },
};
