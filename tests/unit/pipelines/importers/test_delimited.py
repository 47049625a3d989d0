"""Delimited files: a broken line costs no other line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from pipelines.importers import delimited
from pipelines.importers.chunks import LINE, Chunk
from pipelines.importers.delimited import read_delimited


def read(path: Path, content: str | bytes) -> Chunk:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    chunks = list(read_delimited(path, ","))
    assert len(chunks) == 1
    return chunks[0]


def test_lines_with_too_few_or_too_many_fields_are_set_aside(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert chunk.rows.rows() == [("1", "2", 2), ("7", "8", 5)]
    assert [(one.line, one.text) for one in chunk.malformed] == [(3, "3"), (4, "4,5,6")]
    assert chunk.malformed[0].reason == "the line has 1 fields, the header 2"


def test_quoted_fields_may_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.csv", 'a,b\r\n"x,y","say ""hi"""\r\n"two\r\nlines",z\r\nq,r\r\n')
    assert chunk.rows.rows() == [("x,y", 'say "hi"', 2), ("two\nlines", "z", 3), ("q", "r", 5)]
    assert chunk.malformed == ()


def test_a_stray_quote_costs_its_own_line_alone(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.csv", 'a,b\n1,"2\n3,4\n5,6\n"7",8\n9,"10\n')
    assert chunk.rows["a"].to_list() == ["3", "5", "7"]
    assert [one.line for one in chunk.malformed] == [2, 6]


def test_bytes_that_are_no_text_cost_their_line(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.csv", b"a,b\n1,\xff\n2,\xc3\xa9\n3,\x00\n")
    assert chunk.rows.rows() == [("2", "é", 3)]
    assert [one.line for one in chunk.malformed] == [2, 4]


def test_a_byte_order_mark_and_empty_lines_are_nothing(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.csv", b"\xef\xbb\xbfa,b\n\n1,2\n\n")
    assert chunk.columns == ("a", "b")
    assert chunk.rows[LINE].to_list() == [3]


def test_a_header_alone_is_a_file_of_no_rows(tmp_path: Path) -> None:
    chunk = read(tmp_path / "f.csv", "a,b\n")
    assert chunk.columns == ("a", "b")
    assert len(chunk) == 0


@pytest.mark.parametrize("content", [b"", b"\n", b"PAR1\xff\x00\x01\n"])
def test_a_file_without_a_header_is_refused_whole(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="no header line"):
        read(tmp_path / "f.csv", content)


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names columns twice: a"):
        read(tmp_path / "f.csv", "a,b,a\n")


def test_long_files_come_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "TEXT_CHUNK_ROWS", 3)
    path = tmp_path / "f.csv"
    path.write_text("a\n" + "\n".join(map(str, range(10))))
    chunks = list(read_delimited(path, ","))
    assert [len(chunk) for chunk in chunks] == [3, 3, 3, 1]
    assert [a for chunk in chunks for a in chunk.rows["a"]] == list(map(str, range(10)))


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
fields = st.one_of(printable, st.sampled_from(['"', '""', 'a"b', "a\nb", ",", "\n"]))


@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=20))
def test_what_a_writer_wrote_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([("a", "b"), *rows])
    chunk = read(tmp_path_factory.mktemp("csv") / "f.csv", text.getvalue())
    assert chunk.rows.select("a", "b").rows() == rows
    assert chunk.malformed == ()
