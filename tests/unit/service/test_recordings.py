"""Which bytes of a recording are sent, and which files are recordings at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.recordings import (
    CHUNK_BYTES,
    ByteRange,
    UnsatisfiableRangeError,
    locate,
    names_etag,
    open_recording,
    parse_range,
    read_bytes,
)

SIZE = 1_000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 1000)),
        ("bytes=-500", (500, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=999-", (999, 1000)),
        ("bytes=9-99999", (9, 1000)),
        ("Bytes = 1 - 2", (1, 3)),
    ],
)
def test_a_range_names_first_and_last_byte(header: str, expected: tuple[int, int]) -> None:
    assert parse_range(header, SIZE) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=0-1,5-6",
        "items=0-1",
    ],
)
def test_a_header_that_is_no_single_range_is_ignored(header: str | None) -> None:
    assert parse_range(header, SIZE) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0"])
def test_a_range_outside_of_the_recording_is_refused(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, SIZE)


def test_an_empty_recording_has_no_range() -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range("bytes=0-", 0)


@given(first=st.integers(0, 1200), last=st.integers(0, 1200))
def test_a_range_selects_what_a_slice_selects(first: int, last: int) -> None:
    content = bytes(number % 251 for number in range(SIZE))
    if first > last or first >= SIZE:
        return
    found = parse_range(f"bytes={first}-{last}", SIZE)
    assert found is not None
    assert content[found.start : found.end] == content[first : last + 1]


def test_reading_gives_the_exact_bytes_over_several_chunks(tmp_path: Path) -> None:
    content = bytes(number % 249 for number in range(2 * CHUNK_BYTES + 7))
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    recording = open_recording(path)
    wanted = ByteRange(3, len(content) - 2)
    assert b"".join(read_bytes(recording.file, wanted)) == content[3:-2]
    assert recording.file.closed


def test_another_content_has_another_etag(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"one")
    first = open_recording(path)
    again = open_recording(path)
    path.write_bytes(b"other")
    second = open_recording(path)
    for recording in (first, again, second):
        recording.file.close()
    assert first.etag == again.etag != second.etag
    assert first.media_type == "audio/mpeg"


@pytest.mark.parametrize(
    "audio_path", ["../secret", "a/../../secret", "/etc/hostname", "a/\x00b", "out/secret"]
)
def test_no_path_leaves_the_root(tmp_path: Path, audio_path: str) -> None:
    root = tmp_path / "audio"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (root / "out").symlink_to(tmp_path)
    assert locate(root, audio_path) is None


def test_a_path_below_the_root_is_found(tmp_path: Path) -> None:
    assert locate(tmp_path, "a/../b/c.wav") == tmp_path / "b" / "c.wav"


@pytest.mark.parametrize(
    ("header", "named"), [('"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False)]
)
def test_if_none_match_names_an_etag_weakly(header: str, *, named: bool) -> None:
    assert names_etag(header, '"a"') is named
