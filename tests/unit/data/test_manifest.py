import json
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sonant.data.manifest import SCHEMA, read_manifest, write_manifest
from sonant.errors import DataError


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def refusal(url: str, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_manifest(url, **options)
    return caught.value.message


def test_the_same_rows_in_every_format(tmp_path: Path) -> None:
    rows = [
        {"path": "a.wav", "label": "yes", "duration_s": 0.5, "split": "train", "speaker": "s1"},
        {"path": "b.wav", "label": "no", "duration_s": 1.5, "split": "test", "speaker": "s2"},
    ]
    csv = "path,label,duration_s,split,speaker\na.wav,yes,0.5,train,s1\nb.wav,no,1.5,test,s2\n"
    sources = [
        write(tmp_path / "m.csv", csv),
        write(tmp_path / "m.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n\n"),
        str(tmp_path / "m.parquet"),
    ]
    pq.write_table(pa.Table.from_pylist(rows), sources[2])
    tables = [read_manifest(url) for url in sources]
    assert tables[0].schema == SCHEMA
    assert tables[0] == tables[1] == tables[2]
    assert tables[0].column("id").to_pylist() == ["a.wav", "b.wav"]
    assert tables[0].column("start_s").to_pylist() == [None, None]
    assert tables[0].column("text").to_pylist() == ["", ""]


def test_reads_and_writes_urls() -> None:
    with fsspec.open("memory://manifests/m.csv", "w") as file:
        file.write("\ufeffpath,label\na.wav,yes\n")
    table = read_manifest("memory://manifests/m.csv")
    write_manifest(table, "memory://manifests/m.parquet")
    assert read_manifest("memory://manifests/m.parquet") == table


def test_other_names_of_columns(tmp_path: Path) -> None:
    url = write(tmp_path / "m.csv", "path,sample_rate,dataset,license,extra\na.wav,8000,digits,CC0,x\n")
    row = read_manifest(url).to_pylist()[0]
    assert (row["sample_rate_hz"], row["corpus"], row["licence"]) == (8000, "digits", "CC0")


def test_a_misspelt_column_is_not_left_out_in_silence(tmp_path: Path) -> None:
    assert "'lable', did you mean 'label'" in refusal(write(tmp_path / "m.csv", "path,lable\na.wav,yes\n"))


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ("a.wav,-1,train", "duration_s"),
        ("a.wav,nan,train", "duration_s"),
        ("a.wav,long,train", "duration_s"),
        ("a.wav,1,dev", "split"),
        (",1,train", "path"),
        ("http://169.254.169.254/x,1,train", "path"),
        ("simplecache::s3://b/x,1,train", "path"),
    ],
)
def test_errors_name_file_column_and_row(tmp_path: Path, cells: str, column: str) -> None:
    url = write(tmp_path / "m.csv", f"path,duration_s,split\nok.wav,1,train\n{cells}\n")
    assert refusal(url).startswith(f"{url}, column {column}, row 2: ")


def test_words_for_splits_are_translated(tmp_path: Path) -> None:
    url = write(tmp_path / "m.csv", "path,split\na.wav,fold1\nb.wav,fold2\n")
    assert "splits={word: train}" in refusal(url)
    table = read_manifest(url, splits={"fold1": "train", "fold2": "test"})
    assert table.column("split").to_pylist() == ["train", "test"]


def test_only_the_rows_of_one_corpus_are_checked(tmp_path: Path) -> None:
    url = write(tmp_path / "m.csv", "path,corpus,split\na.wav,x,odd\nb.wav,y,train\nc.wav,y,odd\n")
    assert "row 3" in refusal(url, corpus="y")
    assert read_manifest(url, corpus="y", splits={"odd": ""}).column("path").to_pylist() == ["b.wav", "c.wav"]
    with pytest.raises(DataError, match="no rows of 'z'") as caught:
        read_manifest(url, corpus="z")
    assert caught.value.hint == "it has x, y"


def test_ids_are_unique_and_made_from_path_and_start(tmp_path: Path) -> None:
    url = write(tmp_path / "m.csv", "path,start_s\na.wav,0\na.wav,1.5\n")
    assert read_manifest(url).column("id").to_pylist() == ["a.wav", "a.wav@1.5"]
    assert "column id, row 2" in refusal(write(tmp_path / "n.csv", "path\na.wav\na.wav\n"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("m.txt", b"path\n", "a manifest ends in"),
        ("m.csv", b"label\nyes\n", "no column path"),
        ("m.csv", b"path\n", "has no rows"),
        ("m.csv", b"path\n\xff\xfe\n", "not UTF-8"),
        ("m.csv", b"path\na.wav,too,many\n", "row 1: more cells"),
        ("m.csv", b"path\n" + b"a" * 200_000 + b"\n", "after line 1"),
        ("m.jsonl", b'{"path": "a"}\n{"path"\n', "line 2"),
        ("m.jsonl", b"[1]\n", "line 1: not a JSON object"),
        ("m.jsonl", b"[" * 100_000, "line 1"),
        ("m.jsonl", b'{"path": {"cmd": "rm"}}\n', "column path, row 1"),
        ("m.parquet", b"PAR1 but not really PAR1", "no Parquet file"),
    ],
)
def test_files_that_are_no_manifest(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert reason in refusal(str(tmp_path / name))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_manifest(str(tmp_path / "none.csv"))
    assert caught.value.code == "data.not_found"
