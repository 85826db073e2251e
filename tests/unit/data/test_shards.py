import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sonant.data.shards import ShardWriter, audio_hash, new_folder, shard_name
from sonant.errors import DataError


def test_clips_are_packed_and_never_span_two_shards(tmp_path: Path) -> None:
    clips = [np.arange(count, dtype=np.int16) for count in (10, 20, 30, 5)]
    with ShardWriter(tmp_path, shard_bytes=64) as shards:
        places = [shards.write(clip) for clip in clips]
    assert [(place.shard, place.offset, place.samples) for place in places] == [
        (0, 0, 10),
        (0, 10, 20),
        (1, 0, 30),
        (2, 0, 5),
    ]
    assert shards.sizes == [60, 60, 10]
    for clip, place in zip(clips, places, strict=True):
        stored = np.fromfile(tmp_path / shard_name(place.shard), "<i2")[place.offset : place.offset + place.samples]
        np.testing.assert_array_equal(stored, clip)
        assert place.sha256 == audio_hash(clip)


def test_bytes_are_little_endian_whatever_comes_in(tmp_path: Path) -> None:
    with ShardWriter(tmp_path) as shards:
        shards.write(np.array([1], ">i2"))
    assert (tmp_path / shard_name(0)).read_bytes() == b"\x01\x00"


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "corpus"

    def fail_half_way() -> None:
        with new_folder(path) as folder:
            (folder / "half").write_text("x")
            assert not path.exists()
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert list((tmp_path / "deep").iterdir()) == []
    with new_folder(path) as folder:
        (folder / "corpus.json").write_text("1")
    assert [file.name for file in path.iterdir()] == ["corpus.json"]


def test_a_corpus_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    for text in ("old", "new"):
        with new_folder(path) as folder:
            (folder / "corpus.json").write_text(text)
    with pytest.raises(KeyError), new_folder(path):
        raise KeyError
    assert (path / "corpus.json").read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["corpus"]


def test_what_is_no_corpus_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="exists and is no corpus"), new_folder(tmp_path):
        pass
    with pytest.raises(DataError, match="exists and is no corpus"), new_folder(tmp_path / "thesis.txt"):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    # The kernel refuses to let files of this process grow beyond 1 MB, as a full disk would.
    code = f"""
import resource, sys
import numpy as np
from sonant.data.source import Clip
from sonant.data.write import write_corpus
from sonant.errors import EnvError
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
clips = ((Clip(str(i), str(i)), np.ones(50_000, np.int16)) for i in range(100))
try:
    write_corpus({str(tmp_path / "out")!r}, clips, name="big", sample_rate_hz=16000)
except EnvError as error:
    sys.exit(error.code)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stderr.strip() == "env.disk_full"
    assert list(tmp_path.iterdir()) == []
