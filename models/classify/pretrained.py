"""Weights that were trained elsewhere: safetensors from a local file or from the Hugging Face hub, put in place whole.

A file that does not fit is refused with what is missing: a network with some random layers would still train, badly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

Weights = Mapping[str, Tensor]

HUB = "hub:"
"""How names on the hub begin; all else is a path."""
_NAME = re.compile(r"hub:(?P<repo>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w.-]*))?")


def load(network: nn.Module, source: str, names: Callable[[Weights], dict[str, Tensor]]) -> None:
    """Puts the weights of a file into a network; `names` gives them its names. ValueError where they do not fit."""
    path = fetch(source)
    try:
        given = names(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ValueError(f"cannot read {source} as safetensors: {error}") from error
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    wrong = [f"{name} is missing" for name in wanted if name not in given]
    wrong += [f"{name} has no place" for name in given if name not in wanted]
    wrong += [
        f"{name} is {tuple(value.shape)}, not {tuple(wanted[name])}"
        for name, value in given.items()
        if name in wanted and value.shape != wanted[name]
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError(f"{source} does not fit the config: {', '.join(wrong[:3])}{more}")
    network.load_state_dict(given)


def split_hub(source: str) -> tuple[str, str] | None:
    """Repository and revision of a `hub:` name; None for a path; ValueError for a name that cannot be one."""
    if not source.startswith(HUB):
        return None
    if (match := _NAME.fullmatch(source)) is None:
        raise ValueError(f"{source!r} is no hub name: write hub:<owner>/<name> or hub:<owner>/<name>@<revision>")
    return match["repo"], match["revision"] or "main"


def fetch(source: str) -> Path:
    """The local file of a source; one from the hub is downloaded once into torch's cache."""
    if (hub := split_hub(source)) is None:
        return Path(source)
    repo, revision = hub
    path = Path(torch.hub.get_dir(), "safetensors", repo.replace("/", "--"), revision, "model.safetensors")
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    url = f"https://huggingface.co/{repo}/resolve/{revision}/model.safetensors"
    try:
        torch.hub.download_url_to_file(url, str(path), progress=False)
    except OSError as error:
        raise ValueError(f"cannot get {url} ({error}): bring the file by other means and give its path") from error
    return path


_PARTS = {
    "feature_extractor": "feature_extractor",
    "feature_projection": "encoder.feature_projection",
    "encoder": "encoder.transformer",
}
"""Where Hugging Face's parts are in torchaudio's network."""
_WRAPPED = re.compile(r"^(wav2vec2|hubert)\.")
_LAYER = re.compile(r"encoder\.transformer\.layers\.(\d+)\.")
# How older versions of torch stored the length and the direction of normed weights.
_OLD = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}


def wav2vec2_names(given: Weights, layers: int) -> dict[str, Tensor]:
    """The weights of a wav2vec 2.0 or HuBERT encoder under torchaudio's names, without layers from `layers` on.

    What only pretraining or recognition needs (quantiser, mask, output layers) is left out.
    """
    named = dict(given)
    if not any(name.startswith("encoder.transformer.") for name in given):
        plain = {_WRAPPED.sub("", name): value for name, value in given.items()}
        split = ((*name.partition("."), value) for name, value in plain.items())
        named = {f"{_PARTS[part]}.{rest}": value for part, _, rest, value in split if part in _PARTS}
    renamed: dict[str, Tensor] = {}
    for name, value in named.items():
        start, dot, last = name.rpartition(".")
        layer = _LAYER.match(name)
        if not name.startswith("aux.") and (layer is None or int(layer[1]) < layers):
            renamed[f"{start}{dot}{_OLD.get(last, last)}"] = value
    return renamed
