"""Retrieval figures against figures worked out by hand, and against what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.vectors import unit_rows
from pipelines.audio_evaluation.retrieval import DEPTH, Retrieved, chance, retrieve


def found(vectors: np.ndarray, codes: np.ndarray, seed: int = 0) -> Retrieved:
    return retrieve(
        vectors.astype(np.float32), codes, np.arange(len(codes)), np.random.default_rng(seed)
    )


def on_circle(degrees: list[float]) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_average_precision_and_recall_by_hand() -> None:
    # From the track at 0°, the others stand in order 1 (own), 2, 3 (own), 4, 5 (own).
    vectors = on_circle([0, 10, 20, 30, 40, 50])
    codes = np.array([0, 0, 1, 0, 1, 0])
    first = retrieve(vectors, codes, np.array([0]), np.random.default_rng(0))
    assert first.average_precision == pytest.approx([(1 / 1 + 2 / 3 + 3 / 5) / 3])
    assert first.recall.tolist() == [1.0]  # all three stand among the first ten
    # From 22° stand 30°, 10°, then 40°, the only one of its label.
    vectors[2] = on_circle([22])[0]
    third = retrieve(vectors, codes, np.array([2]), np.random.default_rng(0))
    assert third.average_precision == pytest.approx([1 / 3])


def test_the_strangers_there_are_stand_for_those_asked_for() -> None:
    vectors = on_circle([0, 10, 20, 30, 40, 50])
    codes = np.array([0, 0, 1, 0, 1, 0])
    query, rng = np.array([0]), np.random.default_rng(0)
    # Two strangers that stand for six. Of the four others, (0, 1, 2 + 1/4) / (2 + 1/2) are expected
    # before the three hits: 0.4, 2 and 3.6.
    more = retrieve(vectors, codes, query, rng, np.array([6]))
    assert more.scaled_precision == pytest.approx([(1 / 1.4 + 2 / 5 + 3 / 8.6) / 3])
    same = retrieve(vectors, codes, query, rng)
    assert same.scaled_precision == same.average_precision == more.average_precision
    alone = retrieve(vectors[:2], codes[:2], query, rng, np.array([6]))
    assert np.isnan(alone.scaled_precision).all()


def test_the_scaled_figure_foretells_that_of_a_larger_gallery() -> None:
    rng = np.random.default_rng(1)
    centres = unit_rows(rng.normal(size=(40, 12)))
    codes = np.repeat(np.arange(40), 6)
    whole = unit_rows(centres[codes] + 0.3 * rng.normal(size=(240, 12)))
    part = codes < 10
    strangers = np.full(60, 240 - 6)
    everyone = retrieve(whole, codes, np.flatnonzero(part), rng).average_precision.mean()
    few = retrieve(whole[part], codes[part], np.arange(60), rng, strangers)
    # One part of the labels has strangers of its own, whence the tolerance.
    assert few.scaled_precision.mean() == pytest.approx(everyone, abs=0.03)
    assert few.average_precision.mean() > everyone + 0.1


def test_recall_counts_what_could_stand_among_the_first_ten() -> None:
    # A query, 9 of another label nearest to it, then 14 of its own: one of ten slots is right.
    vectors = on_circle([0, *np.arange(1, 10), *np.arange(20, 34)])
    codes = np.array([0] + [1] * 9 + [0] * 14)
    first = retrieve(vectors, codes, np.array([0]), np.random.default_rng(0))
    assert first.recall == pytest.approx([1 / DEPTH])
    # With 4 relevant in all, of which none but one is found: a quarter.
    few = retrieve(vectors[:14], codes[:14], np.array([0]), np.random.default_rng(0))
    assert few.recall == pytest.approx([1 / 4])


def test_a_perfect_embedding_finds_everything() -> None:
    codes = np.repeat(np.arange(6), 5)
    figures = found(np.eye(6)[codes], codes)
    assert figures.average_precision.tolist() == [1.0] * 30
    assert figures.recall.tolist() == [1.0] * 30


@pytest.mark.parametrize("sizes", [(5,) * 8, (30, 12, 4, 4)])
def test_a_random_embedding_finds_what_chance_gives(sizes: tuple[int, ...]) -> None:
    codes = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(5)
    drawn = [found(unit_rows(rng.normal(size=(codes.size, 16))), codes) for _ in range(300)]
    expected = chance(codes, np.arange(codes.size))
    for figure in ("average_precision", "recall"):
        mean = np.mean([getattr(each, figure) for each in drawn])
        # Some 300 x 40 outcomes of deviation about 0.15, correlated inside a gallery.
        assert mean == pytest.approx(getattr(expected, figure).mean(), abs=0.006)


def test_a_constant_embedding_finds_no_more_than_chance() -> None:
    # Tracks of a label stand side by side: ranked by place, they would seem to be found.
    codes = np.repeat(np.arange(8), 5)
    drawn = [found(np.ones((40, 1)), codes, seed).average_precision.mean() for seed in range(300)]
    expected = chance(codes, np.arange(40)).average_precision.mean()
    assert np.mean(drawn) == pytest.approx(expected, abs=0.006)


def test_chance_by_enumeration() -> None:
    # 2 relevant among 4: the six places they can take, each as likely.
    places = [(a, b) for a in range(1, 5) for b in range(a + 1, 5)]
    precision = np.mean([(1 / a + 2 / b) / 2 for a, b in places])
    expected = chance(np.array([0, 0, 0, 1, 1]), np.array([0]))
    assert expected.average_precision == pytest.approx([precision])
    assert expected.recall == pytest.approx([1.0])  # four others: all stand among the first ten


def test_blocks_of_queries_do_not_change_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = np.repeat(np.arange(8), 5)
    vectors = unit_rows(np.random.default_rng(2).normal(size=(40, 4)))
    whole = found(vectors, codes)
    monkeypatch.setattr("pipelines.audio_evaluation.retrieval._BLOCK_QUERIES", 7)
    assert np.array_equal(found(vectors, codes).average_precision, whole.average_precision)


def test_no_queries_give_no_figures() -> None:
    empty = retrieve(np.eye(3), np.arange(3), np.empty(0, np.int64), np.random.default_rng(0))
    assert empty.average_precision.size == empty.recall.size == 0
