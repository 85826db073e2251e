"""The error table and its exceptions."""

from __future__ import annotations

import copy

import pytest

from sonant.errors import ERRORS, AudioError, SonantError


def test_every_code_has_a_usable_meaning() -> None:
    for code, meaning in ERRORS.items():
        assert 400 <= meaning.http < 600, code
        assert 1000 < meaning.ws < 5000, code
        assert meaning.hint, code


def test_an_error_knows_its_status_and_reads_as_one_line() -> None:
    error = AudioError("audio.too_long", "decoded more than 5 s")
    assert (error.http_status, error.ws_close) == (413, 1009)
    assert error.body("r1")["error"]["request_id"] == "r1"
    assert "\n" not in error.line()
    assert error.line().startswith("error[audio.too_long]: decoded more than 5 s (hint: ")


def test_an_error_survives_the_way_between_processes() -> None:
    error = copy.copy(AudioError("audio.empty", "no samples", hint="speak"))
    assert isinstance(error, AudioError)
    assert (error.code, error.message, error.hint) == ("audio.empty", "no samples", "speak")


def test_unlisted_codes_are_our_mistake() -> None:
    with pytest.raises(AssertionError):
        SonantError("no.such", "x")
