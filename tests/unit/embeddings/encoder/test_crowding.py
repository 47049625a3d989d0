"""The crowd's coordinate by its definition, and hubs that it removes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from embeddings.encoder.crowding import MEMBERS, NEAREST, WEIGHT, Crowding


def unit(n: int, dim: int, seed: int) -> torch.Tensor:
    drawn = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(drawn, dim=1)


def test_the_coordinate_is_its_definition_and_rows_stay_unit() -> None:
    tracks, rows = unit(40, 6, 1), unit(9, 6, 2)
    crowding = Crowding(6)
    crowding.gather(tracks)
    found = crowding(rows).numpy()
    cosines = -np.sort(-(rows @ tracks.T).numpy(), axis=1)
    apart = np.sqrt(WEIGHT) * (1 - cosines[:, 1 : NEAREST + 1].mean(axis=1))
    np.testing.assert_allclose(found[:, -1], apart, atol=1e-6)  # float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    directions = found[:, :-1] / np.linalg.norm(found[:, :-1], axis=1, keepdims=True)
    np.testing.assert_allclose(directions, rows.numpy(), atol=1e-6)


def test_a_track_near_to_all_is_found_less_often() -> None:
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(300, 30))
    spread[:, 0] += 2.0
    spread[0] = spread[1:].mean(axis=0)  # the middle of everything: the classic hub
    tracks = functional.normalize(torch.from_numpy(spread).float(), dim=1)
    crowding = Crowding(30)
    crowding.gather(tracks)

    def times_found(rows: torch.Tensor) -> int:
        similarity = (rows @ rows.T).fill_diagonal_(-2)
        return int((similarity.topk(10).indices == 0).sum())

    assert times_found(tracks) > 60  # of 299 lists of ten, where ten is the mean
    assert times_found(crowding(tracks)) < 0.9 * times_found(tracks)


@pytest.mark.parametrize("n", [0, 3, MEMBERS, 3 * MEMBERS + 1])
def test_any_number_of_tracks_makes_a_crowd(n: int) -> None:
    crowding = Crowding(5)
    crowding.gather(unit(n, 5, 3))
    assert int((crowding.crowd.norm(dim=1) > 0).sum()) == min(n, MEMBERS)
    assert torch.isfinite(crowding(unit(4, 5, 4))).all()
