"""In a replica, our records go through Serve's own handlers, in the encoding that they have."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Generator

import pytest

from serve_apps import logs as serve_logs
from sonant.edge import logs

formatters = pytest.importorskip("ray._common.formatters")
pytest.importorskip("ray.serve")


@pytest.fixture
def replica(monkeypatch: pytest.MonkeyPatch) -> Generator[io.StringIO]:
    """The loggers as they are in a replica: what Serve's handler writes can be read."""
    names = ("ray.serve", "sonant", "serve_apps")
    before = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in names}
    told = io.StringIO()
    logging.getLogger("ray.serve").handlers[:] = [logging.StreamHandler(told)]
    logging.getLogger("ray.serve").setLevel(logging.INFO)
    monkeypatch.setattr(serve_logs, "_in_replica", lambda: True)
    serve_logs.log_with_serve()
    yield told
    for name, (handlers, level) in before.items():
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = handlers, True
        logger.setLevel(level)


def test_as_json_the_fields_are_keys(replica: io.StringIO) -> None:
    logging.getLogger("ray.serve").handlers[0].setFormatter(formatters.JSONFormatter())
    logs.event("request", {"outcome": "ok", "seconds": 0.5})
    line = json.loads(replica.getvalue())
    assert (line["message"], line["event"], line["outcome"], line["seconds"]) == ("request", "request", "ok", 0.5)
    assert {"asctime", "levelname"} <= set(line)


def test_as_text_they_are_words(replica: io.StringIO) -> None:
    logs.event("request", {"outcome": "ok", "seconds": 0.5})
    assert replica.getvalue() == "request outcome=ok seconds=0.5\n"


def test_other_records_come_too_and_only_once(replica: io.StringIO) -> None:
    serve_logs.log_with_serve()
    logging.getLogger("serve_apps.home").warning("gone")
    logging.getLogger("sonant.edge").debug("not at this level")
    assert replica.getvalue() == "gone\n"


def test_outside_of_a_replica_nothing_changes() -> None:
    serve_logs.log_with_serve()
    assert logging.getLogger("sonant").handlers == []
