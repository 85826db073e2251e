"""What is written down of requests: every application counts and logs them, and no key, name or word is in a log."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest

from serve_apps import home
from sonant.edge import keys
from sonant.edge.tickets import Tickets

SECRET = "Xylophonist"
RATE_HZ = 16_000
PCM = b"".join(struct.pack("<h", round(9000 * math.sin(n / 5))) for n in range(RATE_HZ))
WAV = b"RIFF" + struct.pack("<I", 36 + len(PCM)) + b"WAVEfmt " + struct.pack(
    "<IHHIIHH", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16
) + b"data" + struct.pack("<I", len(PCM)) + PCM  # fmt: skip
TENSOR = {"inputs": [{"name": "wav", "shape": [1, RATE_HZ], "datatype": "FP32", "data": [0.0] * RATE_HZ}]}
SPENT = {
    "classify": "dqg", "detect": "dqg", "embed": "dqg", "verify": "dqg", "speakers": "dqg", "extract": "dqg",
    "enhance": "dqg", "transcribe": "qg", "tensors": "qg",
}  # fmt: skip
"""Stages that an application's requests go through: decode, queue, graph."""
FAMILIES = {"d": "sonant_decode_seconds", "q": "sonant_queue_seconds", "g": "sonant_compute_seconds"}


def value(replica: Any, name: str, outcome: str | None = None) -> float:
    """Sum of a metric's samples, of one outcome or all."""
    return sum(
        number
        for _, _, _, samples in replica.replica._metrics.snapshot()
        for sample, labels, number in samples
        if sample == name and outcome in (None, labels.get("outcome"))
    )


async def asked(http: Any, replica: Any, token: str) -> None:
    """A good request, a bad one, and one without a key."""
    where, header = replica.prefix, {"authorization": f"Bearer {token}", "x-request-id": f"{replica.name}-1"}
    good: dict[str, Any] = {"files": {"file": ("a.wav", WAV, "audio/wav")}, "data": {"name": SECRET, "prompt": SECRET}}
    if replica.name in ("verify", "extract"):
        good["files"]["reference"] = ("b.wav", WAV, "audio/wav")
    if replica.name == "tensors":
        where, good = f"{where}/models/tones/infer", {"json": TENSOR}
    answer = await http.post(where, headers=header, **good)
    assert answer.status_code in (200, 201), f"{replica.name}: {answer.text}"
    bad = {"files": {"file": ("a.wav", SECRET.encode() * 20, "audio/wav"), "reference": ("b.wav", WAV, "audio/wav")}}
    assert (await http.post(where, headers=header, **bad)).status_code in (415, 422)
    assert (await http.post(where, headers={"authorization": f"Bearer {SECRET}"}, **good)).status_code == 401


def test_every_application_counts_and_logs_and_tells_nothing(
    replicas: Callable[..., list[Any]],
    client: Callable[[Any], Any],
    open_socket: Any,
    key_file: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(home, "SharedTickets", Tickets)  # the shared ones need Ray
    made, token = keys.create("caller", ("infer", "stream", "enrol", "admin"))
    keys.add(key_file, made)
    served = [one for one in replicas(keys=key_file) if one.name != "home"]
    caplog.set_level(logging.DEBUG)

    async def walk() -> None:
        for replica in served:
            async with client(replica) as http:
                await asked(http, replica, token)
        [classify] = [one for one in served if one.name == "classify"]
        for headers in ([(b"authorization", f"Bearer {token}".encode())], []):
            socket = open_socket(classify, f"{classify.prefix}/stream", headers)
            for message in (json.dumps({"type": "start"}), PCM, '{"type": "end"}'):
                socket.say(message)
            await asyncio.wait_for(socket.task, 60)

    asyncio.run(walk())
    for replica in served:
        name = replica.name
        assert value(replica, "sonant_requests_total", "ok") == 1, name
        assert value(replica, "sonant_requests_total", "request.unauthorized") == 1, name
        assert value(replica, "sonant_requests_total") == 3, name
        assert value(replica, "sonant_request_seconds_count") == 2, name
        assert value(replica, "sonant_bundle_info") == 1, name
        for stage in SPENT[name]:
            assert value(replica, f"{FAMILIES[stage]}_count") >= 1, f"{name}: {FAMILIES[stage]}"
        if name != "tensors":
            assert value(replica, "sonant_decode_rejects_total") == 1, name
            assert value(replica, "sonant_audio_seconds_total") >= 1, name
            assert value(replica, "sonant_real_time_factor_count") >= 1, name
        sound = name in ("extract", "enhance")
        assert value(replica, "sonant_audio_out_seconds_total") == pytest.approx(1.0 if sound else 0.0), name
        lines = [vars(one) for one in caplog.records if getattr(one, "request_id", "") == f"{name}-1"]
        assert [line["outcome"] == "ok" for line in lines] == [True, False], name
        assert all(line["key"] == made.id and line["task"] for line in lines), name
    turns = [(vars(one)["event"], vars(one).get("outcome")) for one in caplog.records if hasattr(one, "session")]
    assert turns == [("session.opened", None), ("session.ended", "done")]
    refused = [vars(one)["outcome"] for one in caplog.records if getattr(one, "event", "") == "session.refused"]
    assert refused == ["request.unauthorized"]
    told = caplog.text + "".join(str(vars(one)) for one in caplog.records)
    assert token not in told
    assert token.split("_", 2)[2] not in told
    assert SECRET not in told
