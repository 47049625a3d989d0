from __future__ import annotations

import inspect
import re
from pathlib import Path

import core.errors
from core.errors import AudioDecodeError, DataError, SegueError


def _written() -> dict[str, str]:
    """Class → parent, as the tree at the top of the file draws them."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (inspect.getdoc(core.errors) or "").splitlines():
        if found := re.match(r"^([│├└─ ]*)([A-Z]\w*Error)\b", line):
            depth = len(found[1]) // 4
            above = [*above[:depth], found[2]]
            parents[found[2]] = above[depth - 1] if depth else ""
    return parents


def _defined() -> dict[str, str]:
    classes = inspect.getmembers(core.errors, inspect.isclass)
    return {
        name: "" if cls is SegueError else cls.__mro__[1].__name__
        for name, cls in classes
        if issubclass(cls, SegueError)
    }


def test_the_tree_in_the_text_is_the_tree_in_the_code() -> None:
    assert _written() == _defined()
    assert len(_written()) >= 9


def test_an_undecodable_recording_is_named_with_its_reason() -> None:
    error = AudioDecodeError(Path("a/b.wav"), "is silent")
    assert isinstance(error, DataError)
    assert str(error) == "a/b.wav cannot be used as audio: is silent"
    assert (error.path, error.reason) == (Path("a/b.wav"), "is silent")
