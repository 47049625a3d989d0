"""The protocol: whom an encoder was trained on, who is searched with, what is averaged."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ConfigError, DataError
from pipelines.audio_evaluation import trials
from pipelines.audio_evaluation.configuration import AudioEvaluationConfig
from pipelines.audio_evaluation.report import ENCODERS, RetrievalReport, retrieval_report
from pipelines.audio_evaluation.spaces import Space
from pipelines.audio_evaluation.trials import FIGURES, Outcomes, Rivals, judge_folds, judge_whole

LABELS = ("a",) * 6 + ("b",) * 5 + ("c",) * 4 + ("d",) * 4 + ("few",) * 3 + ("",) * 2
N = len(LABELS)
CODES = np.array([ord(label[0]) if label else -1 for label in LABELS])
QUERIES = np.flatnonzero(np.isin(LABELS, ["a", "b", "c", "d"]))


def perfect() -> Space:
    _, codes = np.unique(LABELS, return_inverse=True)
    return Space("segue", np.eye(codes.max() + 1)[codes])


def rivals(trained_on: list[np.ndarray]) -> Rivals:
    """Return a perfect encoder, which records whom it was trained on, beside two random ones."""

    def learn(rows: np.ndarray, _seed: int, _name: str) -> Space:
        trained_on.append(rows)
        return perfect()

    def draw(seed: int) -> Space:
        return Space("random", np.random.default_rng(seed).normal(size=(N, 8)))

    noise = np.random.default_rng(0).normal(size=(N, 8))
    return Rivals(learn, Space("mfcc", noise, is_raw=True), draw)


@pytest.fixture(autouse=True)
def _quick_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell labels by the nearest neighbour; the real probe is slow, and tested by itself."""

    def nearest(vectors: np.ndarray, codes: np.ndarray, _seed: int) -> np.ndarray:
        cosines = vectors @ vectors.T - 1e9 * np.eye(len(codes))
        return np.asarray(codes[cosines.argmax(axis=1)] == codes, dtype=np.float64)

    monkeypatch.setattr(trials, "probe", nearest)


def judged(trained_on: list[np.ndarray] | None = None, **changes: int) -> Outcomes:
    config = AudioEvaluationConfig(**{"folds": 2, **changes})
    return judge_folds(CODES, rivals([] if trained_on is None else trained_on), config)


def report(outcomes: Outcomes) -> RetrievalReport:
    return retrieval_report(
        outcomes,
        label="album",
        folds=2,
        seeds=1,
        recordings=N,
        unreadable=(),
        rng=np.random.default_rng(0),
    )


def test_no_label_is_both_trained_on_and_measured() -> None:
    trained_on: list[np.ndarray] = []
    judged(trained_on, seeds=3)
    assert len(trained_on) == 6
    for rows in trained_on:
        held = np.setdiff1d(np.arange(N), rows)
        assert not (set(CODES[rows]) & set(CODES[held])) - {-1}
    for seed in range(3):  # each track is held out exactly once
        pair = trained_on[2 * seed : 2 * seed + 2]
        assert sorted(np.concatenate(pair)) == list(range(N))


def test_only_labels_with_enough_tracks_are_searched_for() -> None:
    outcomes = judged()
    assert outcomes.codes.size == QUERIES.size == 19
    assert all(figures.shape == (19, len(FIGURES)) for figures in outcomes.figures.values())
    assert judged(min_label_tracks=5).codes.size == 11


def test_a_perfect_encoder_has_perfect_figures() -> None:
    outcomes = judged()
    scaled = FIGURES.index("map_at_catalogue_size")
    assert np.delete(outcomes.figures["segue"], scaled, axis=1) == pytest.approx(1.0)
    # That no stranger of a few came between does not prove that none of many would.
    assert 0.7 < outcomes.figures["segue"][:, scaled].mean() < 1.0
    for name in ("mfcc", "random"):  # noise here; chance is .44 among the held, .19 among all
        mean = outcomes.figures[name].mean(axis=0)
        assert mean[FIGURES.index("map")] < 0.7
        assert mean[FIGURES.index("map_whole_catalogue")] < 0.45
    found = report(outcomes)
    assert found.results[0].map.low == 1.0
    assert found.map_ratio_to_mfcc.mean == pytest.approx(1 / found.results[1].map.mean)


def test_the_whole_catalogue_is_a_harder_gallery() -> None:
    chance = judged().figures["chance"].mean(axis=0)
    assert chance[FIGURES.index("map_whole_catalogue")] < chance[FIGURES.index("map")]
    for name in ("mfcc", "random"):
        mean = judged().figures[name].mean(axis=0)
        assert mean[FIGURES.index("map_at_catalogue_size")] < mean[FIGURES.index("map")]


def test_seeds_are_averaged_query_by_query() -> None:
    both = judged(seeds=2).figures["random"]
    apart = [judged(seeds=1, first_seed=seed).figures["random"] for seed in (1, 2)]
    assert both == pytest.approx(np.mean(apart, axis=0))


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again = report(judged()), report(judged())
    assert first == again


def test_outside_the_catalogue_nothing_is_trained() -> None:
    trained_on: list[np.ndarray] = []
    outcomes = judge_whole(CODES, rivals(trained_on), AudioEvaluationConfig(seeds=1))
    assert [rows.size for rows in trained_on] == [0]
    assert outcomes.figures["segue"][:, :3] == pytest.approx(1.0)
    found = report(outcomes)
    assert [result.encoder for result in found.results] == list(ENCODERS)
    document = found.model_dump(mode="json", by_alias=True)
    assert document["results"][0]["map_whole_catalogue"]["mean"] is None
    assert document["chance"]["map_whole_catalogue"] is None
    assert document["map_ratio_to_mfcc_at_catalogue_size"]["mean"] is None


def test_more_folds_than_labels_are_refused_with_what_would_do() -> None:
    with pytest.raises(ConfigError, match="--folds 4"):
        judged(folds=5)


def test_a_single_label_is_nothing_to_judge_by() -> None:
    with pytest.raises(DataError, match="--label"):
        judged(min_label_tracks=6)
