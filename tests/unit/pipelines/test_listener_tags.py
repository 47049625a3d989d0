"""Tags by listeners: what is common, and what is left when some of it is held out."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from pipelines.listener_tags import common_tags, retagged
from ranking.catalogue import Catalogue
from ranking.loading import tag_matrix
from tests.support.worlds import tiny_world


def said(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["user_id", "track_id", "tag"], orient="row")


def tags_of(catalogue: Catalogue, row: int) -> set[str]:
    return {catalogue.tag_names[column] for column in catalogue.tags[row].indices}


def test_common_tags_need_two_listeners_and_stand_by_votes() -> None:
    known = said(
        *[(f"u{at}", "t", "rock") for at in range(3)],
        *[(f"u{at}", "t", "loud") for at in range(4)],
        ("u0", "t", "mine alone"),
        ("u0", "t", "rock"),  # said twice by one listener
    )
    assert common_tags(known).rows() == [("t", ["loud", "rock"])]


def test_holding_out_a_listeners_word_can_lose_a_track_its_tag() -> None:
    base = tiny_world(12).catalogue
    first, second, third = base.tracks.values[:3]
    everything = said(
        ("u", first, "rock"), ("v", first, "rock"), ("u", second, "jazz"), ("v", second, "jazz")
    )
    matrix, names = tag_matrix(pl.Series([["rock"], ["jazz"], ["own"], *[[]] * 9]))
    catalogue = replace(base, tags=matrix, tag_names=names)
    assert retagged(catalogue, everything, everything) is catalogue
    known = everything.filter(~((pl.col("user_id") == "u") & (pl.col("track_id") == first)))
    left = retagged(catalogue, everything, known)
    assert tags_of(left, 0) == set()  # one listener alone is left saying it
    assert tags_of(left, 1) == {"jazz"}
    assert tags_of(left, 2) == {"own"}  # no listener ever tagged it: it keeps what it came with
    assert third == left.tracks[2]
