"""JSON lines: a broken line costs no other line; numbers keep their digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import DataError
from pipelines.importers import json_lines
from pipelines.importers.chunks import LINE, Chunk
from pipelines.importers.json_lines import read_json_lines


def read(path: Path, content: str) -> Chunk:
    path.write_text(content)
    chunks = list(read_json_lines(path))
    assert len(chunks) == 1
    return chunks[0]


def test_lines_that_are_no_objects_are_set_aside(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.jsonl", '{"a": 1}\n[1]\n{"a": \n\n{"a": "x", "b": true}\n')
    assert chunk.rows.rows() == [("1", None, 1), ("x", "true", 5)]
    assert chunk.columns == ("a", "b")
    assert [one.line for one in chunk.malformed] == [2, 3]
    assert chunk.malformed[0].reason == "the line is not a JSON object"
    assert chunk.malformed[1].reason.startswith("the line is not JSON: ")


def test_whole_numbers_keep_every_digit(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.jsonl", '{"a": 9007199254740993}\n{"a": 1.5}\n{"a": null}\n')
    assert chunk.rows["a"].to_list() == ["9007199254740993", "1.5", None]


def test_lists_stay_lists(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.jsonl", '{"t": ["x", 2]}\n{"t": "y"}\n{}\n')
    assert chunk.rows["t"].to_list() == [["x", "2"], ["y"], None]
    assert chunk.rows[LINE].to_list() == [1, 2, 3]


def test_a_file_without_one_object_is_refused_whole(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not JSON lines"):
        read(tmp_path / "f.jsonl", "PAR1\nuser,track\n")


def test_a_column_is_not_gone_where_a_chunk_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "TEXT_CHUNK_ROWS", 1)
    path = tmp_path / "f.jsonl"
    path.write_text('{"a": 1, "b": 2}\n{"a": 3}\n')
    _, last = read_json_lines(path)
    assert last.columns == ("a", "b")
    assert last.rows.rows() == [("3", None, 2)]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.touch()
    assert list(read_json_lines(path)) == []
