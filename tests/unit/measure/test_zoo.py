import json

import pytest

from models.spec import VARIANTS
from sonant.measure import zoo
from sonant.measure.zoo import rows, table

FEW = {name: VARIANTS[name] for name in ("tc_resnet8", "bc_resnet-1")}


def test_rows_tell_size_cost_and_delay() -> None:
    tc, bc = rows(FEW)
    assert (tc["kind"], tc["job"], tc["variant"]) == ("tc_resnet", "classify", "tc_resnet8")
    assert (tc["params"], bc["params"]) == (65_180, 9_232)
    assert (tc["hop_ms"], bc["hop_ms"]) == (80.0, 10.0)
    assert (tc["latency_ms"], bc["latency_ms"]) == (80.0, 10.0)
    assert tc["streams"] is bc["streams"] is True
    assert 1.4e6 < tc["macs_per_s"] < 1.6e6  # paper: 3.0 M FLOPs on a clip of one second
    assert 2e6 < bc["macs_per_s"] < 3.1e6
    assert json.loads(json.dumps(rows(FEW))) == [tc, bc]


def test_table_is_aligned() -> None:
    head, *lines = table(rows(FEW)).splitlines()
    assert head.split() == list(rows(FEW)[0])
    assert len({len(line) for line in (head, *lines)}) == 1
    assert "65,180" in lines[0]
    assert " yes " in lines[1]


def test_networks_whose_package_is_absent_are_listed_without_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "find_spec", lambda name: None)
    (told,) = rows({"wav2vec2-base": VARIANTS["wav2vec2-base"]})
    assert (told["kind"], told["streams"], told["params"], told["macs_per_s"]) == ("wav2vec2", False, None, None)
    assert list(told) == list(rows({"tc_resnet8": VARIANTS["tc_resnet8"]})[0])


def test_cost_of_a_network_without_a_live_form_is_that_of_a_second() -> None:
    (uit,) = rows({"uit-3xs": VARIANTS["uit-3xs"]})
    assert (uit["streams"], uit["hop_ms"], uit["latency_ms"]) == (False, None, None)
    # 28 tokens go through the matrices of four layers, and through that of the patches.
    matrices = 128 * 96 + 32 * 128 + 2 * 128 * 384
    assert uit["macs_per_s"] >= 28 * (4 * matrices + 256 * 128)


def test_extractors_are_listed_with_their_delay() -> None:
    names = ("causal_extractor-channel_gru", "spexplus_short-small-gru0", "spexplus-small")
    causal, short, plus = rows({name: VARIANTS[name] for name in names})
    assert (causal["job"], causal["hop_ms"], causal["latency_ms"]) == ("extract", 5.0, 20.0)
    assert (short["params"], short["hop_ms"], short["latency_ms"]) == (7_954_720, 150.0, 300.0)
    assert (plus["streams"], plus["hop_ms"], plus["latency_ms"]) == (False, None, None)
    assert causal["streams"] is short["streams"] is True
    assert causal["macs_per_s"] < 0.4e9
    # 12.3 G in the research code, which multiplies the voice with a layer of each stack at every frame.
    voice = 4 * 75 * 384 * 239 / 0.15
    assert short["macs_per_s"] + voice == pytest.approx(12.3e9, rel=0.005)
    assert list(causal) == list(rows(FEW)[0])


def test_enhancers_are_listed_with_their_delay() -> None:
    demucs, gatewave, unet = rows({name: VARIANTS[name] for name in ("demucs-48", "gatewave-causal", "wave_unet")})
    assert (demucs["job"], demucs["params"], demucs["hop_ms"]) == ("enhance", 18_867_937, 16.0)
    assert (demucs["latency_ms"], gatewave["latency_ms"]) == (47.75, 64.0)
    assert demucs["streams"] is gatewave["streams"] is True
    assert (unet["streams"], unet["hop_ms"], unet["latency_ms"]) == (False, None, None)
    assert list(demucs) == list(rows(FEW)[0])
