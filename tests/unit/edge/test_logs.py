"""Records with fields: words for people, keys for machines."""

from __future__ import annotations

import logging

import pytest

from sonant.edge import logs


def test_fields_are_in_the_words_and_on_the_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sonant.events"):
        logs.event("request", {"outcome": "ok", "seconds": 0.12345678, "session": "", "status": None})
    [record] = caplog.records
    assert record.getMessage() == "request outcome=ok seconds=0.123457"
    assert vars(record)["event"] == "request"
    assert (vars(record)["outcome"], vars(record)["seconds"]) == ("ok", 0.123457)
    assert not hasattr(record, "session")


def test_what_nobody_reads_is_not_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sonant.events"):
        logs.event("request", {"outcome": "ok"})
        logs.event("request", {"outcome": "server.full"}, logging.WARNING)
    assert [vars(record)["outcome"] for record in caplog.records] == ["server.full"]


def test_no_field_is_one_that_records_have_already() -> None:
    assert not set(logs.FIELDS) & set(vars(logging.makeLogRecord({})))
