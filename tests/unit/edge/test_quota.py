"""Token buckets on a clock that passes when told."""

from __future__ import annotations

import copy

import pytest

from sonant.edge import keys, quota
from sonant.edge.quota import Account, Bucket, OverQuotaError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def account(clock: Clock, **limits: float) -> Account:
    return Account(keys.create("ada", ("infer",), **limits)[0], clock)


def test_a_minutes_worth_may_go_at_once_and_comes_back_evenly(clock: Clock) -> None:
    bucket = Bucket(60, clock)
    bucket.take(60)
    assert bucket.wait_s(1) == pytest.approx(1)
    clock.now = 10
    assert bucket.left == pytest.approx(10)
    clock.now = 1000
    assert bucket.left == 60, "it never holds more"


def test_requests_are_counted(clock: Clock) -> None:
    payer = account(clock, requests_per_min=2)
    payer.admit()
    payer.admit()
    with pytest.raises(OverQuotaError, match="requests") as caught:
        payer.admit()
    assert (caught.value.code, caught.value.wait_s) == ("request.quota", 30)
    assert dict(payer.headers()) == {
        b"ratelimit-limit": b"2", b"ratelimit-remaining": b"0", b"ratelimit-reset": b"60"
    }  # fmt: skip
    clock.now = 30
    payer.admit()


def test_sound_may_be_owed_and_is_made_up_for(clock: Clock) -> None:
    payer = account(clock, audio_s_per_min=60)
    token = quota.account.set(payer)
    try:
        payer.admit()
        quota.heard(90)
        with pytest.raises(OverQuotaError, match="seconds of sound") as caught:
            payer.admit()
        assert caught.value.wait_s == pytest.approx(31, abs=1)
        clock.now = 31
        payer.admit()
        quota.heard_live(0.5)
        with pytest.raises(OverQuotaError):
            quota.heard_live(1.0)
    finally:
        quota.account.reset(token)


def test_without_an_account_or_limit_nothing_is_counted(clock: Clock) -> None:
    quota.heard(1e9)
    quota.heard_live(1e9)
    payer = account(clock)
    for _ in range(100):
        payer.admit()
    assert payer.headers() == []


def test_the_error_survives_the_way_between_processes() -> None:
    assert copy.copy(OverQuotaError("requests", 2.5)).code == "request.quota"
