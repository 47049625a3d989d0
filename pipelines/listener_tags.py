"""Tags that listeners gave tracks, as tags of those tracks."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from ranking.catalogue import Catalogue
from ranking.loading import tag_matrix

TAGS_A_TRACK = 20
USERS_A_TAG = 2  # a tag that one listener alone gives a track says more of them than of it


def common_tags(user_tags: pl.DataFrame) -> pl.DataFrame:
    """Return the tags that most listeners gave each track, most frequent first.

    Args:
        user_tags: user_id, track_id, tag.

    Returns:
        track_id, tags (list); tracks without a common tag are absent.
    """
    votes = user_tags.group_by("track_id", "tag").agg(votes=pl.col("user_id").n_unique())
    frequent = votes.filter(pl.col("votes") >= USERS_A_TAG)
    ranked = frequent.sort(["track_id", "votes", "tag"], descending=[False, True, False])
    top = ranked.group_by("track_id", maintain_order=True)
    return top.agg(tags=pl.col("tag").head(TAGS_A_TRACK))


def retagged(catalogue: Catalogue, said: pl.DataFrame, known: pl.DataFrame) -> Catalogue:
    """Return the catalogue with the tags it would have, had listeners said only what is known.

    What a listener called a track tells of their listening: when that is held out, so must be the
    tag. Tracks that no listener ever tagged keep the tags they came with.

    Args:
        catalogue: Tagged by all that was said.
        said: user_id, track_id, tag: everything behind the catalogue's tags.
        known: The part of it that may be known.
    """
    if known.height == said.height:
        return catalogue
    now = dict(common_tags(known).iter_rows())
    changed = set(catalogue.tracks.known_rows(said["track_id"].unique().to_list()).tolist())
    names, tags = catalogue.tag_names, catalogue.tags
    lists = [
        now.get(track_id, ())
        if row in changed
        else [names[column] for column in tags.indices[tags.indptr[row] : tags.indptr[row + 1]]]
        for row, track_id in enumerate(catalogue.tracks.values)
    ]
    matrix, new_names = tag_matrix(pl.Series(lists, dtype=pl.List(pl.String)))
    return replace(catalogue, tags=matrix, tag_names=new_names)
