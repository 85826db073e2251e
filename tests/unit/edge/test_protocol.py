"""Messages of live sessions: what is right is typed, what is wrong is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.edge.protocol import MAX_TEXT, Done, End, Event, Ping, Ready, Start, error_message, json_schemas, parse
from sonant.errors import RequestError


def test_messages_of_clients_are_typed() -> None:
    assert parse('{"type": "start"}') == Start(type="start", format="pcm_s16le", sample_rate_hz=16_000, scores=False)
    start = parse('{"type": "start", "format": "webm", "sample_rate_hz": 48000, "scores": true}')
    assert isinstance(start, Start)
    assert (start.format, start.sample_rate_hz, start.scores) == ("webm", 48_000, True)
    assert isinstance(parse('{"type": "end"}'), End)
    assert isinstance(parse('{"type": "ping"}'), Ping)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not a message of ours"),
        ("hello", "not a message of ours"),
        ("[1]", "not a message of ours|object"),
        ("{}", "type"),
        ('{"type": "shutdown"}', "shutdown|'start', 'enrolled', 'end', 'ping'"),
        ('{"type": "start", "format": "wma"}', "start.format"),
        ('{"type": "start", "sample_rate_hz": 0}', "start.sample_rate_hz"),
        ('{"type": "start", "sample_rate_hz": 1e12}', "start.sample_rate_hz"),
        ('{"type": "start", "path": "/etc/passwd"}', "start.path"),
        (json.dumps({"type": "ping", "pad": "x" * MAX_TEXT}), "characters"),
    ],
)
def test_what_is_wrong_is_told(text: str, part: str) -> None:
    with pytest.raises(RequestError, match=part) as caught:
        parse(text)
    assert caught.value.code == "request.invalid"


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    with pytest.raises(RequestError):
        parse(text)


def test_messages_of_the_server_name_their_type() -> None:
    messages = [
        Ready(session="s", model="m/1", labels=["a"], hop_ms=10),
        Event(t_start=0, t_end=1, label="a", score=0.5),
        Done(audio_s=1),
        error_message(RequestError("server.full", "full"), "s"),
    ]
    assert [json.loads(message.text())["type"] for message in messages] == ["ready", "event", "done", "error"]
    assert json.loads(messages[3].text())["error"] == {
        "code": "server.full", "message": "full", "hint": "try again in a moment", "request_id": "s",
    }  # fmt: skip


def test_both_directions_have_schemas() -> None:
    schemas = json_schemas()
    assert {"Start", "Resume", "Enrolled", "Set", "Acked", "Pause", "End", "Ping"} == set(schemas["client"]["$defs"])
    assert {"Ready", "Output", "Event", "Scores", "Level", "Ack", "Drain", "Pong", "Done", "ErrorMessage"} == set(
        schemas["server"]["$defs"]
    )
