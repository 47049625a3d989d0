"""Cold starts, in a world whose listeners follow what tracks sound like."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from core.errors import DataError
from core.tables import EVENTS, IMPRESSIONS, TALLIES
from embeddings.bridge.configuration import BridgeConfig
from embeddings.collaborative.factors import AlsConfig
from embeddings.vectors import unit_rows
from pipelines.audio_evaluation.cold_start import (
    ColdStartConfig,
    ColdStartReport,
    cold_start,
    listening_of,
)
from pipelines.audio_evaluation.cold_trial import (
    DEPTH,
    MODELS,
    Affinity,
    Listening,
    _found,
    draw_trial,
    run_trial,
)
from pipelines.audio_evaluation.ears import FinishedEar
from pipelines.catalogue import Audio, LiveCatalogue
from pipelines.fitting import FactorsConfig, PreferenceMatrix
from pipelines.history import History
from pipelines.job import Silent
from tests.support.worlds import tiny_world

USERS, TRACKS, DIM = 150, 400, 8
CATALOGUE = tiny_world(TRACKS).catalogue
FACTORS = FactorsConfig(
    als=AlsConfig(dim=8, num_threads=1, regularization=5.0),
    bridge=BridgeConfig(network_tracks=10_000, thinned_listeners=10),
)
EVERYONE = np.ones(USERS, dtype=np.bool_)
EVERY_TRACK = np.ones(TRACKS, dtype=np.bool_)


def vectors(seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).standard_normal((TRACKS, DIM)))


def listening(taste: float, seed: int = 1) -> Listening:
    """Return plays drawn by a taste for the vectors, of strength `taste`."""
    rng = np.random.default_rng(seed)
    wanted = taste * rng.standard_normal((USERS, DIM)) @ vectors().T
    wanted += rng.standard_normal((USERS, TRACKS))
    plays = wanted > np.quantile(wanted, 0.85)
    pairs = sp.csr_matrix(plays)
    known = PreferenceMatrix(tuple(f"u{at}" for at in range(USERS)), pairs.astype(np.float32))
    return Listening(known, pairs, pairs)


@cache
def of_taste(strength: float) -> ColdStartReport:
    """Return the report of one seed, made once."""
    return judged(listening(strength), 1)


def judged(at: Listening, seeds: int = 2) -> ColdStartReport:
    config = ColdStartConfig(seeds=seeds)
    return cold_start(CATALOGUE, FinishedEar(vectors()), at, FACTORS, config, Silent())


def recalls(report: ColdStartReport) -> dict[str, float]:
    return {result.model: result.recall_among_hidden.mean for result in report.results}


def test_where_taste_follows_sound_the_bridge_finds_fresh_tracks_listeners() -> None:
    report = judged(listening(taste=4.0))
    found = recalls(report)
    # 75 of 400 tracks are hidden, so chance is 50 / 75 by construction.
    assert found["random"] == pytest.approx(DEPTH / report.hidden)
    assert found["bridge"] > found["random"] + 0.2
    assert found["bridge"] > found["tag_popularity"] + 0.2
    assert found["bridge"] <= found["ceiling"] + 0.02  # the ceiling is ALS, not the truth
    assert report.ratio_to_random.low > 1
    assert tuple(found) == MODELS


def test_where_taste_ignores_sound_the_bridge_is_no_better_than_chance() -> None:
    found = recalls(judged(listening(taste=0.0)))
    assert found["bridge"] == pytest.approx(found["random"], abs=0.05)
    assert found["ceiling_of_others"] == pytest.approx(found["random"], abs=0.05)
    # The plays it is judged on are the plays it has seen.
    assert found["ceiling"] > found["random"] + 0.1


def test_the_same_seed_gives_the_same_report() -> None:
    assert judged(listening(taste=2.0), 1) == of_taste(2.0)


def test_nothing_of_the_hidden_tracks_plays_reaches_the_bridge() -> None:
    """The plays of hidden tracks are dealt anew; what recommends must not notice."""
    at = listening(taste=3.0)
    trial = draw_trial(CATALOGUE, EVERY_TRACK, at, 0.2, 1000, seed=3)
    dense = at.met.toarray()
    rng = np.random.default_rng(9)
    for column in np.flatnonzero(trial.hidden):
        dense[:, column] = rng.permutation(dense[:, column])
    dealt = sp.csr_matrix(dense)
    known = PreferenceMatrix(at.known.user_ids, dealt.astype(np.float32))
    one = at.without(trial.hidden, EVERYONE)
    two = Listening(known, dealt, at.chosen).without(trial.hidden, EVERYONE)
    assert (one.met != two.met).nnz == 0
    assert (one.known.weights != two.known.weights).nnz == 0
    assert not one.known.weights[:, trial.hidden].nnz


def test_recall_by_hand() -> None:
    at = listening(taste=1.0)
    trial = draw_trial(CATALOGUE, EVERY_TRACK, at, 0.2, 1000, seed=1)
    seen = at.without(trial.hidden, EVERYONE)
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((USERS, TRACKS))
    found = _found(trial, seen, Affinity(scores, np.eye(TRACKS)), trial.asked)
    for row, user in enumerate(trial.asked[:20]):
        wanted = set(np.flatnonzero(at.chosen[[user]].toarray()[0] & trial.hidden).tolist())
        met = seen.met[[user]].toarray()[0]
        for column, gallery in enumerate((CATALOGUE.servable & ~met, trial.hidden)):
            order = [t for t in np.argsort(-scores[user]) if gallery[t]][:DEPTH]
            assert found[row, column] == pytest.approx(len(wanted & set(order)) / len(wanted))


def test_ties_are_broken_by_no_order_of_the_catalogue() -> None:
    at = listening(taste=0.0)
    trial = draw_trial(CATALOGUE, EVERY_TRACK, at, 0.2, 1000, seed=1)
    seen = at.without(trial.hidden, EVERYONE)
    flat = Affinity(np.ones((USERS, 1)), np.zeros((TRACKS, 1)))
    found = _found(trial, seen, flat, trial.asked).mean(axis=0)
    chance = run_trial(trial, vectors(), FACTORS)["random"].mean(axis=0)
    np.testing.assert_allclose(found, chance, atol=0.06)  # one shuffle, not all of them


def test_chosen_is_what_was_finished_or_liked_and_met_is_everything() -> None:
    ids = CATALOGUE.tracks.values
    acts = [("play", 0), ("finish", 0), ("play", 1), ("skip", 1), ("like", 2), ("dislike", 3)]
    events = EVENTS.conform(
        pl.DataFrame(
            [
                {
                    "event_id": str(at),
                    "user_id": "u",
                    "track_id": ids[track],
                    "action": action,
                    "at": datetime(2026, 1, 1, tzinfo=UTC),
                }
                for at, (action, track) in enumerate(acts)
            ]
        )
    )
    tags = {"user_id": pl.String, "track_id": pl.String, "tag": pl.String}
    history = History(
        events=events,
        plays=pl.DataFrame([("u", ids[4], 2)], schema=TALLIES.schema, orient="row"),
        user_tags=pl.DataFrame(schema=tags),
        impressions=pl.DataFrame(schema=IMPRESSIONS.schema),
    )
    world = tiny_world(TRACKS)
    audio = Audio(world.learned.vectors, world.learned.index)
    found = listening_of(history, LiveCatalogue(CATALOGUE, audio, {}, {}))
    assert sorted(found.chosen.indices.tolist()) == [0, 2, 4]
    assert sorted(found.met.indices.tolist()) == [0, 1, 2, 3, 4]


def test_without_audio_or_listening_it_says_what_is_missing() -> None:
    silent = FinishedEar(np.zeros((TRACKS, DIM), np.float32))
    with pytest.raises(DataError, match="0 tracks with audio and listeners could be hidden"):
        cold_start(CATALOGUE, silent, listening(1.0), FACTORS, ColdStartConfig(), Silent())


def test_the_report_is_one_document_with_the_agreed_depth() -> None:
    document = of_taste(2.0).model_dump(mode="json", by_alias=True)
    assert set(document["results"][0]) == {"model", "recall@50", "recall@50_among_hidden"}
    assert set(document["ratio_to_random"]) == {"mean", "low", "high"}
