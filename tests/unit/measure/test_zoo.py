import json

from models.spec import VARIANTS
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
