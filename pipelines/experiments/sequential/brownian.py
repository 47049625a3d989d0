"""The chance that a statistic watched at several looks leaves its boundaries, by integration.

Until it leaves, the score at information t is a Brownian motion: S(t) = z √t, with increments of
variance equal to the information that came in. Its density among the paths still inside is carried
from look to look on panels of Gauss-Legendre nodes.

Source:
    Armitage, McPherson and Rowe, "Repeated significance tests on accumulating data", 1969.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

REACH_Z = 9.0  # beyond it lies 2e-19 of a normal density, less than a double resolves beside 1
PANEL_NODES = 16
BLOCK_NODES = 64  # carried at once, so that a short step reads few nodes
PANEL_DEVIATIONS = 6.0  # of an increment; halving it moves no boundary by 1e-8
UNIT_NODES, UNIT_WEIGHTS = special.roots_legendre(PANEL_NODES)


@dataclass(frozen=True)
class Inside:
    """The paths that have left no boundary yet, after a look."""

    information: float
    """Share of the information at the look, in [0, 1]."""
    nodes: Floats
    """(m,) scores."""
    mass: Floats
    """(m,) density times quadrature weight; sums to the share of paths still inside."""

    @classmethod
    def start(cls) -> Self:
        """Return all paths, at score 0 before any information."""
        return cls(0.0, np.zeros(1), np.ones(1))

    def leaving(self, information: float, z: float, drift: float = 0.0) -> tuple[float, float]:
        """Return the shares of paths that lie below -z and above z at the next look."""
        deviation = np.sqrt(information - self.information)
        middle = self.nodes + drift * (information - self.information)
        bound = z * np.sqrt(information)
        below = special.ndtr((-bound - middle) / deviation)
        above = special.ndtr((middle - bound) / deviation)
        return float(self.mass @ below), float(self.mass @ above)

    def after(self, information: float, z: float, next_step: float, drift: float = 0.0) -> Inside:
        """Return the paths that lie within ±z at the next look.

        Args:
            information: At that look.
            z: Its boundary; infinite where none may leave.
            next_step: Information that the look after it adds; sets how fine the nodes must be.
            drift: Mean of the score at information 1.
        """
        step = information - self.information
        root = np.sqrt(information)
        low = max(-z * root, drift * information - REACH_Z * root)
        high = min(z * root, drift * information + REACH_Z * root)
        finest = np.sqrt(min(step, next_step) if next_step > 0 else step)
        nodes, weights = _panels(low, max(high, low), finest)
        density = _carried(self, nodes - drift * step, float(np.sqrt(step)))
        return Inside(information, nodes, density * weights)


def _carried(before: Inside, targets: Floats, deviation: float) -> Floats:
    """Return the density at each target; only nodes within reach of a block are summed."""
    density = np.empty(targets.size)
    reach = REACH_Z * deviation
    for start in range(0, targets.size, BLOCK_NODES):
        block = targets[start : start + BLOCK_NODES]
        first, last = np.searchsorted(before.nodes, [block[0] - reach, block[-1] + reach])
        apart = (block[:, None] - before.nodes[None, first:last]) / deviation
        density[start : start + block.size] = np.exp(-0.5 * apart**2) @ before.mass[first:last]
    return np.asarray(density / (np.sqrt(2 * np.pi) * deviation))


def _panels(low: float, high: float, deviation: float) -> tuple[Floats, Floats]:
    """Return nodes and weights that integrate over [low, high] what varies over a deviation."""
    count = max(1, int(np.ceil((high - low) / (PANEL_DEVIATIONS * deviation))))
    edges = np.linspace(low, high, count + 1)
    half = (high - low) / count / 2
    nodes = (edges[:-1, None] + half * (1 + UNIT_NODES[None, :])).ravel()
    return nodes, np.tile(UNIT_WEIGHTS * half, count)
