"""What a bridge predicts, keeps and refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ArtifactError, DataError
from embeddings.bridge.model import Bridge, extended, no_bridge
from embeddings.collaborative.factors import AlsFactors, Ridge
from embeddings.vectors import TrackVectors, unit_rows

RNG = np.random.default_rng(2)


def f32(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


BRIDGE = Bridge(
    weights=f32(4, 3),
    bias=f32(3),
    hidden=f32(4, 5),
    hidden_bias=f32(5),
    out=f32(5, 3),
    level=f32(3),
    lift=f32(3),
    stretch=2.0,
    lift_listeners=10.0,
    half_listeners=40.0,
    steepness=1.5,
    figures={"explained": 0.25},
)


def test_it_adds_a_line_a_network_and_optimism_that_fades() -> None:
    vector = unit_rows(f32(1, 4))
    flat = vector[0] @ BRIDGE.weights + BRIDGE.bias
    for unit in range(5):
        bent = max(0.0, float(vector[0] @ BRIDGE.hidden[:, unit] + BRIDGE.hidden_bias[unit]))
        flat = flat + bent * BRIDGE.out[unit]
    # float32 sums in another order
    hope = (flat - BRIDGE.level) + BRIDGE.lift
    np.testing.assert_allclose(BRIDGE.predict(vector)[0], flat + hope, rtol=1e-5, atol=1e-6)
    met = BRIDGE.expect(vector, np.array([10]))[0]
    np.testing.assert_allclose(met, flat + hope / 2, rtol=1e-5, atol=1e-6)
    known = BRIDGE.expect(vector, np.array([1e12]))[0]
    np.testing.assert_allclose(known, flat, rtol=1e-5, atol=1e-6)


def test_a_track_without_audio_gets_nothing() -> None:
    vectors = np.vstack([unit_rows(f32(1, 4)), np.zeros((1, 4), np.float32)])
    assert BRIDGE.predict(vectors)[0].all()
    assert not BRIDGE.predict(vectors)[1].any()


def test_vectors_of_another_encoder_are_refused() -> None:
    with pytest.raises(DataError, match=r"do not fit a bridge from 4 dimensions"):
        BRIDGE.predict(np.zeros((2, 8), np.float32))


def test_the_share_of_plays_goes_from_0_to_1_by_way_of_a_half() -> None:
    share = BRIDGE.learned_share(np.array([0, 1, 40, 1e9]))
    assert share[0] == 0.0
    assert share[2] == pytest.approx(0.5)
    assert share[3] == pytest.approx(1.0)
    assert (np.diff(share) > 0).all()


def test_it_is_kept_as_it_is(tmp_path: Path) -> None:
    BRIDGE.save(tmp_path)
    found = Bridge.load(tmp_path)
    vectors = unit_rows(f32(6, 4))
    np.testing.assert_array_equal(found.predict(vectors), BRIDGE.predict(vectors))
    numbers = (found.half_listeners, found.steepness, found.lift_listeners, found.stretch)
    assert numbers == (40.0, 1.5, 10.0, 2.0)
    assert found.figures == {"explained": 0.25}


@pytest.mark.parametrize("text", ["{", "[]", '{"half_listeners": 1}', '{"figures": 3}'])
def test_a_broken_bridge_is_refused_by_name(tmp_path: Path, text: str) -> None:
    BRIDGE.save(tmp_path)
    (tmp_path / "bridge.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"bridge\.json"):
        Bridge.load(tmp_path)


def test_a_missing_part_is_refused_by_name(tmp_path: Path) -> None:
    BRIDGE.save(tmp_path)
    (tmp_path / "out.npy").unlink()
    with pytest.raises(ArtifactError, match=r"out\.npy"):
        Bridge.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"bias": np.zeros(2, np.float32)},
        {"weights": np.full((4, 3), np.nan, np.float32)},
        {"half_listeners": 0.0},
        {"steepness": float("nan")},
    ],
)
def test_parts_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError):
        replace(BRIDGE, **change)


def test_one_that_learned_nothing_says_so_and_predicts_zeros() -> None:
    assert BRIDGE.speaks
    none = no_bridge(4, 3)
    assert not none.speaks
    assert not none.predict(unit_rows(f32(2, 4))).any()


def test_tracks_that_come_later_are_appended_once() -> None:
    factors = AlsFactors(("u",), ("a", "b"), f32(1, 3), f32(2, 3), Ridge(1.0))
    fresh = TrackVectors(("b", "c"), unit_rows(f32(2, 4)))
    found = extended(factors, BRIDGE, fresh)
    assert found.track_ids == ("a", "b", "c")
    np.testing.assert_array_equal(found.tracks[:2], factors.tracks)
    # A batch of another size is summed in another order.
    np.testing.assert_allclose(found.tracks[2], BRIDGE.predict(fresh.values)[1], rtol=1e-6)
    assert extended(found, BRIDGE, fresh) is found
