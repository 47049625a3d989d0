from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import UNKNOWN_ROW, Ids, new_id

_TEXTS = st.lists(st.text(max_size=12), unique=True, max_size=30)


@given(_TEXTS)
def test_ids_and_rows_are_two_ways_of_one_map(values: list[str]) -> None:
    ids = Ids(values)
    rows = ids.rows(values)
    assert rows.tolist() == list(range(len(values)))
    assert ids.take(rows) == tuple(values)
    assert [ids[ids.row(value)] for value in values] == values
    assert len(ids) == len(values)
    assert all(value in ids for value in values)


@given(_TEXTS, st.lists(st.text(max_size=12), max_size=30))
def test_unknown_ids_are_marked_or_left_out(values: list[str], asked: list[str]) -> None:
    ids = Ids(values)
    rows = ids.rows(asked)
    assert rows.dtype == np.int64
    assert [row != UNKNOWN_ROW for row in rows] == [value in set(values) for value in asked]
    assert ids.take(ids.known_rows(asked)) == tuple(v for v in asked if v in set(values))


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="1 ids stand more than once"):
        Ids(["a", "b", "a"])


def test_no_ids_are_fine() -> None:
    ids = Ids(())
    assert ids.rows(["x"]).tolist() == [UNKNOWN_ROW]
    assert ids.rows([]).dtype == np.int64
    assert ids.row("x") == UNKNOWN_ROW
    assert 3 not in ids


def test_new_ids_differ() -> None:
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(value) == 32 and int(value, 16) >= 0 for value in made)
