"""Of the tracks that hold one recording, one is shown, and none when its original is hidden."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.ids import Ids
from ranking.clusters import clusters_of, no_clusters

IDS = Ids("abcdefgh")
COPIES = [("b", "f"), ("h", "f"), ("c", "d")]


def mask(names: str) -> np.ndarray:
    return np.array([name in names for name in IDS.values])


def names(shown: np.ndarray) -> str:
    return "".join(name for name, is_shown in zip(IDS.values, shown, strict=True) if is_shown)


def stands_of(roots: list[int]) -> list[int]:
    """Return the canonical row of each row; a root that is no root itself leaves a row alone."""
    return [row if roots[root] != root else root for row, root in enumerate(roots)]


def test_the_canonical_track_is_shown_and_its_copies_are_not() -> None:
    assert names(clusters_of(IDS, COPIES).without_copies(mask("abcdefgh"))) == "adefg"


def test_while_it_may_not_be_shown_the_first_copy_that_may_is() -> None:
    clusters = clusters_of(IDS, COPIES)
    assert names(clusters.without_copies(mask("abcegh"))) == "abceg"
    assert names(clusters.without_copies(mask("ah"))) == "ah"
    assert names(clusters.without_copies(mask("a"))) == "a"


def test_copies_of_what_is_hidden_are_hidden_and_not_the_other_way() -> None:
    clusters = clusters_of(IDS, COPIES)
    assert names(clusters.with_hidden(mask("f"))) == "bfh"
    assert names(clusters.with_hidden(mask("b"))) == "b"
    assert names(clusters.with_hidden(mask("ad"))) == "acd"


def test_what_is_done_with_one_member_is_done_with_the_recording() -> None:
    clusters = clusters_of(IDS, COPIES)
    for touched, reached in (("b", "bfh"), ("f", "bfh"), ("cb", "bcdfh"), ("a", "a"), ("", "")):
        rows = IDS.rows(touched)
        assert "".join(sorted({IDS[row] for row in clusters.with_copies(rows)})) == reached
    assert no_clusters().with_copies(IDS.rows("ace")).tolist() == [0, 2, 4]


def test_tracks_that_are_not_loaded_are_left_out() -> None:
    clusters = clusters_of(Ids("abc"), [("b", "z"), ("z", "a"), ("c", "a")])
    assert names(np.append(clusters.without_copies(np.ones(3, dtype=bool)), [False] * 5)) == "ab"
    assert clusters_of(IDS, []).members.size == 0


def test_without_clusters_nothing_changes() -> None:
    assert names(no_clusters().without_copies(mask("ace"))) == "ace"
    assert names(no_clusters().with_hidden(mask("ace"))) == "ace"


@given(st.lists(st.integers(0, 7), min_size=8, max_size=8), st.lists(st.integers(0, 7)))
def test_copies_are_those_of_the_same_canonical_track(roots: list[int], touched: list[int]) -> None:
    stands = stands_of(roots)
    copies = [(IDS[row], IDS[root]) for row, root in enumerate(stands) if row != root]
    found = clusters_of(IDS, copies).with_copies(np.array(touched, dtype=np.int64))
    reached = {stands[row] for row in touched}
    assert set(found.tolist()) == {row for row in range(8) if stands[row] in reached}


@given(
    st.lists(st.integers(0, 7), min_size=8, max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_one_of_each_cluster_is_shown_if_one_may_be(roots: list[int], able: list[bool]) -> None:
    stands = stands_of(roots)
    copies = [(IDS[row], IDS[root]) for row, root in enumerate(stands) if row != root]
    on_air = np.array(able)
    shown = clusters_of(IDS, copies).without_copies(on_air)
    assert not (shown & ~on_air).any()
    for root in range(8):
        members = [row for row in range(8) if stands[row] == root]
        assert shown[members].sum() == min(1, on_air[members].sum())
        if on_air[root] and stands[root] == root:
            assert shown[root]
