from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.classify.pretrained import fetch, load, split_hub, wav2vec2_names


def same(given: Any) -> dict[str, Tensor]:
    return dict(given)


def test_weights_that_fit_are_put_in_place(tmp_path: Path) -> None:
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    load(target, str(tmp_path / "w.safetensors"), same)
    assert torch.equal(target.weight, source.weight)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"weight": torch.zeros(2, 3)}, "bias is missing"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "more": torch.zeros(1)}, "more has no place"),
        ({"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}, r"weight is \(2, 4\), not \(2, 3\)"),
        ({f"w{number}": torch.zeros(1) for number in range(9)}, "weight is missing, bias is missing.* and 8 more"),
    ],
)
def test_weights_that_do_not_fit_change_nothing(tmp_path: Path, weights: dict[str, Tensor], message: str) -> None:
    target = nn.Linear(3, 2)
    before = target.weight.clone()
    save_file(weights, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=message):
        load(target, str(tmp_path / "w.safetensors"), same)
    assert torch.equal(target.weight, before)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path / "pickle.bin"):
        if path.suffix:
            path.write_bytes(b"\x80\x04 no safetensors")
        with pytest.raises(ValueError, match=f"cannot read {path} as safetensors"):
            load(nn.Linear(3, 2), str(path), same)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("weights/base.safetensors", None),
        ("hub:facebook/wav2vec2-base", ("facebook/wav2vec2-base", "main")),
        ("hub:facebook/wav2vec2-base@1a2b", ("facebook/wav2vec2-base", "1a2b")),
    ],
)
def test_hub_names(source: str, wanted: tuple[str, str] | None) -> None:
    assert split_hub(source) == wanted


@pytest.mark.parametrize(
    "source", ["hub:", "hub:base", "hub:../x/y", "hub:a/b@c/../d", "hub:a/b/c", "hub:../x", "hub:a/..", "hub:a/b@.."]
)
def test_names_that_would_lead_elsewhere_are_refused(source: str) -> None:
    with pytest.raises(ValueError, match="is no hub name"):
        split_hub(source)


def test_hub_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(url: str, path: str, progress: bool) -> None:
        asked.append(url)
        Path(path).write_bytes(b"weights")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    first, second = fetch("hub:a/b@v1"), fetch("hub:a/b@v1")
    assert first == second
    assert first.read_bytes() == b"weights"
    assert first.is_relative_to(tmp_path)
    assert asked == ["https://huggingface.co/a/b/resolve/v1/model.safetensors"]


def test_hub_out_of_reach_is_told_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(url: str, path: str, progress: bool) -> None:
        raise OSError("no route")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(ValueError, match=r"model\.safetensors \(no route\): bring the file by other means"):
        fetch("hub:a/b")


def test_names_of_hugging_face() -> None:
    given = {
        "wav2vec2.masked_spec_embed": 0,
        "wav2vec2.feature_extractor.conv_layers.0.conv.weight": 1,
        "wav2vec2.feature_projection.projection.bias": 2,
        "wav2vec2.encoder.layers.0.attention.k_proj.weight": 3,
        "wav2vec2.encoder.layers.2.attention.k_proj.weight": 4,
        "wav2vec2.encoder.pos_conv_embed.conv.weight_g": 5,
        "wav2vec2.encoder.pos_conv_embed.conv.weight_v": 6,
        "quantizer.codevectors": 7,
        "lm_head.weight": 8,
    }
    wanted = {
        "feature_extractor.conv_layers.0.conv.weight": 1,
        "encoder.feature_projection.projection.bias": 2,
        "encoder.transformer.layers.0.attention.k_proj.weight": 3,
        "encoder.transformer.pos_conv_embed.conv.parametrizations.weight.original0": 5,
        "encoder.transformer.pos_conv_embed.conv.parametrizations.weight.original1": 6,
    }
    assert wav2vec2_names(given, layers=2) == wanted  # pyright: ignore[reportArgumentType]
    bare = {name.removeprefix("wav2vec2."): value for name, value in given.items()}
    assert wav2vec2_names(bare, layers=2) == wanted  # pyright: ignore[reportArgumentType]
    assert wav2vec2_names({**wanted, "aux.weight": 9}, layers=2) == wanted  # pyright: ignore[reportArgumentType]
