"""A bundle is refused unless every name, hash and proof holds, and nothing of it is parsed before."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sonant.errors import BundleError
from sonant.runtime.bundle import open_bundle

Write = Callable[..., Path]

FILES = ("model.onnx", "step.onnx", "weights.safetensors", "card.md", "bundle.json", "bundle.sha256")


def refused(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        open_bundle(folder)
    return caught.value.code


def reseal(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes bundle.json and its digest, as somebody would who knows the format."""
    described = json.loads((folder / "bundle.json").read_bytes())
    change(described)
    raw = json.dumps(described).encode()
    (folder / "bundle.json").write_bytes(raw)
    (folder / "bundle.sha256").write_text(f"{hashlib.sha256(raw).hexdigest()}  bundle.json\n")


def test_a_whole_bundle_opens(write: Write) -> None:
    folder = write()
    bundle = open_bundle(str(folder))
    assert bundle.info.id == "words/20260801t101500-3fb2a1c9"
    assert bundle.read("model.onnx") == b"a graph"
    assert bundle.file("card.md") == folder / "card.md"
    assert bundle.digest == hashlib.sha256((folder / "bundle.json").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_in_any_file_is_refused(write: Write, name: str) -> None:
    folder = write()
    whole = (folder / name).read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        changed = bytearray(whole)
        changed[place] ^= 1
        (folder / name).write_bytes(changed)
        assert refused(folder) == "bundle.tampered", f"byte {place}"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_cut_file_is_refused(write: Write, name: str) -> None:
    folder = write()
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1])
    assert refused(folder) == "bundle.tampered"
    (folder / name).unlink()
    assert refused(folder) == "bundle.invalid"


def test_hashes_are_checked_before_anything_is_parsed(write: Write) -> None:
    folder = write()
    (folder / "bundle.json").write_bytes(b"{ this is not JSON")
    assert refused(folder) == "bundle.tampered"


@pytest.mark.parametrize("name", ["extra.onnx", "Model.onnx", ".hidden", "model.onnx\n", "a b", "x" * 65])
def test_unlisted_and_odd_files_are_refused(write: Write, name: str) -> None:
    folder = write()
    (folder / name).write_bytes(b"?")
    assert refused(folder) == "bundle.invalid"


def test_links_pipes_and_folders_are_refused(write: Write, tmp_path: Path) -> None:
    folder = write()
    target = tmp_path / "elsewhere"
    (folder / "model.onnx").rename(target)
    (folder / "model.onnx").symlink_to(target)
    assert refused(folder) == "bundle.invalid"
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")
    assert refused(folder) == "bundle.invalid"
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").mkdir()
    assert refused(folder) == "bundle.invalid"


TRAVERSALS = (
    "../model.onnx", "../../etc/passwd", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "..\\model.onnx", "MODEL.ONNX",
    "..%2fmodel.onnx", "%2e%2e%2fmodel.onnx", "model.onnx\0.txt", "model.onnx\n", "\nmodel.onnx", " model.onnx", "~/x",
    "model.onnx ", "~", "-rf", ".ssh", "_x", "file:model.onnx", "file:///etc/passwd", "c:\\model.onnx", "con:", "aux|",
    "/dev/zero", "/proc/self/environ", "\\\\host\\share", "m\u00f6del.onnx", "\uff0e\uff0e/x", "model\u2024onnx",
    "a\tb", "a;b", "a*b", "a?b", "${HOME}", "`id`", "a\u202eb", "model.onnx/", "x" * 65,
)  # fmt: skip


@pytest.mark.parametrize("name", TRAVERSALS)
@pytest.mark.parametrize("where", ["files", "graph", "name", "version"])
def test_names_that_lead_elsewhere_are_refused(write: Write, name: str, where: str) -> None:
    folder = write()

    def change(described: dict[str, Any]) -> None:
        if where == "files":
            described["files"][name] = "0" * 64
        elif where == "graph":
            described["graphs"]["model"]["file"] = name
        else:
            described[where] = name

    reseal(folder, change)
    assert refused(folder) == "bundle.invalid"


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("bundle.unproven", lambda d: d["parity"]["model"].update(error=1e-3)),
        ("bundle.unproven", lambda d: d["parity"]["stream"].update(error=0.5, tolerance=1.0)),
        ("bundle.unproven", lambda d: d["parity"].pop("step")),
        ("bundle.unproven", lambda d: d.update(parity={})),
        ("bundle.invalid", lambda d: d["parity"]["model"].update(error=float("nan"))),
        ("bundle.invalid", lambda d: d["parity"]["model"].update(error=-1.0)),
        ("bundle.invalid", lambda d: d["parity"]["model"].update(cases=0)),
        ("bundle.invalid", lambda d: d["parity"]["model"].pop("error")),
        ("bundle.invalid", lambda d: d.pop("parity")),
    ],
)
def test_an_edited_parity_record_is_refused(
    write: Write, code: str, change: Callable[[dict[str, Any]], object]
) -> None:
    folder = write()
    assert open_bundle(folder)
    reseal(folder, change)
    assert refused(folder) == code


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(schema_version=2),
        lambda d: d.update(surprise=1),
        lambda d: d.update(labels=[]),
        lambda d: d.update(sample_rate_hz="16000"),
        lambda d: d.update(hop=None),
        lambda d: d["graphs"].pop("model"),
        lambda d: d["graphs"].update(body=d["graphs"]["model"]),
        lambda d: d["graphs"]["model"].update(file="other.onnx"),
        lambda d: d["metrics"].update(x=float("inf")),
        lambda d: d["files"].update({f"f{n}": "0" * 64 for n in range(40)}),
    ],
)
def test_a_description_that_does_not_fit_is_refused(write: Write, change: Callable[[dict[str, Any]], object]) -> None:
    folder = write()
    reseal(folder, change)
    assert refused(folder) == "bundle.invalid"


def test_a_huge_description_is_not_read(write: Write) -> None:
    folder = write()
    with open(folder / "bundle.json", "r+b") as stream:
        stream.truncate(1 << 33)
    assert refused(folder) == "bundle.invalid"


def test_what_is_read_is_what_was_verified(write: Write) -> None:
    bundle = open_bundle(write())
    bundle.file("model.onnx").write_bytes(b"a graft")
    with pytest.raises(BundleError, match="changed after") as caught:
        bundle.read("model.onnx")
    assert caught.value.code == "bundle.tampered"
    with pytest.raises(BundleError, match="no file"):
        bundle.read("../../etc/passwd")


def test_a_bundle_may_be_read_only(write: Write) -> None:
    folder = write()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert open_bundle(folder)


def test_nothing_there_is_said_so(tmp_path: Path) -> None:
    assert refused(tmp_path / "nothing") == "bundle.not_found"
    assert refused(tmp_path) == "bundle.invalid"
