"""Whether the statistics of experiments keep their promises, by simulation.

    python -m benchmarks.experiment_simulations [--quick]

Each line is a figure, what it must be, and its standard error over the simulations. Data are made
to be unkind: listening hours with a long tail, rare large values, plays whose outcomes depend on
the listener.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pipelines.experiments.sequential.always_valid import (
    AlwaysValidConfig,
    always_valid,
    critical_value,
)
from pipelines.experiments.sequential.group_sequential import boundaries
from pipelines.experiments.sequential.sample_ratio import SampleRatioConfig, log_evidence
from pipelines.experiments.statistics.aggregates import Aggregate, aggregate_listeners
from pipelines.experiments.statistics.contrasts import contrast
from pipelines.experiments.statistics.effects import fixed_horizon
from pipelines.experiments.statistics.preferences import preference
from ranking.experiments.interleaving import credit, seeded_coin, team_draft

Floats = NDArray[np.float64]
Z_95 = float(special.ndtri(0.975))


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its target, all in percent."""

    name: str
    value: float
    low: float
    high: float
    error: float

    def passes(self, errors: float = 0.0) -> bool:
        """Return whether the target is met, give or take some standard errors."""
        slack = errors * self.error
        return self.low - slack <= self.value <= self.high + slack


def share(name: str, hits: int, of: int, low: float, high: float) -> Figure:
    """Return a share of simulations in percent."""
    value = hits / of
    error = math.sqrt(max(value * (1 - value), 1 / of) / of)
    return Figure(name, 100 * value, low, high, 100 * error)


# ---- once, at a fixed time -------------------------------------------------------------------

LIFT = 0.05  # planted, relative, where coverage is measured


def skewed(rng: np.random.Generator, n: int, lift: float) -> dict[str, Floats]:
    """Listening hours: lognormal with a standard deviation of 1.3 times the mean."""
    return {"values": rng.lognormal(-0.5, 1.0, n) * (1 + lift)}


def binary(rng: np.random.Generator, n: int, lift: float) -> dict[str, Floats]:
    """Whether a listener came back the next day."""
    return {"values": (rng.random(n) < 0.2 * (1 + lift)).astype(float)}


def ratio(rng: np.random.Generator, n: int, lift: float) -> dict[str, Floats]:
    """Finishes per play: listeners differ in how much they play and how often they finish."""
    plays = 1.0 + rng.poisson(rng.lognormal(2.0, 0.8, n))
    finishes = rng.binomial(plays.astype(np.int64), 0.9 * rng.beta(1.0, 1.5, n) * (1 + lift))
    return {"values": finishes.astype(float), "denominator": plays}


LEVELS = {"skewed": 1.0, "binary": 0.2, "ratio": 0.36}
"""Each metric's true level in the control."""


def event_level_rejects(control: dict[str, Floats], treated: dict[str, Floats]) -> bool:
    """Test a ratio as if every play were independent of the listener: what not to do."""
    (a, n), (b, m) = ((arm["values"].sum(), arm["denominator"].sum()) for arm in (control, treated))
    pooled = (a + b) / (n + m)
    return bool(abs(b / m - a / n) > Z_95 * math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)))


def fixed(rng: np.random.Generator, *, quick: bool) -> Iterator[Figure]:
    """A/A rejections, and coverage of a planted effect, absolute and relative."""
    sims, n = (150, 1500) if quick else (10_000, 3000)
    for draw in (skewed, binary, ratio):
        name = draw.__name__
        rejected = covered = relative = event_level = 0
        for _ in range(sims):
            control, same, better = draw(rng, n, 0.0), draw(rng, n, 0.0), draw(rng, n, LIFT)
            base = aggregate_listeners(**control)
            rejected += fixed_horizon(base, aggregate_listeners(**same)).p_value < 0.05
            found = fixed_horizon(base, aggregate_listeners(**better))
            covered += found.difference.holds(LEVELS[name] * LIFT)
            relative += found.relative is not None and found.relative.holds(LIFT)
            if name == "ratio":
                event_level += event_level_rejects(control, same)
        yield share(f"fixed, {name}: A/A rejected", rejected, sims, 3.6, 6.4)
        yield share(f"fixed, {name}: coverage", covered, sims, 93.6, 96.4)
        yield share(f"fixed, {name}: coverage, relative", relative, sims, 93.6, 96.4)
        if name == "ratio":
            yield share("event-level test, ratio: A/A rejected", event_level, sims, 25, 100)


# ---- many looks ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batches:
    """What came between looks: sums and sums of squares over listeners, (sims, looks)."""

    n: int
    sums: Floats
    squares: Floats

    def moments(self) -> tuple[Floats, Floats, Floats]:
        """Return counts (looks,), means and sample variances (sims, looks) at each look."""
        count = self.n * np.arange(1.0, self.sums.shape[1] + 1)
        mean = self.sums.cumsum(axis=1) / count
        spread = np.maximum(self.squares.cumsum(axis=1) - count * mean**2, 0.0)
        return count, mean, spread / (count - 1)


def skewed_batches(rng: np.random.Generator, shape: tuple[int, int], n: int) -> Batches:
    """Listening hours, as `skewed`."""
    values = rng.lognormal(-0.5, 1.0, (*shape, n))
    return Batches(n, values.sum(axis=2), (values**2).sum(axis=2))


def binary_batches(
    rng: np.random.Generator, shape: tuple[int, int], n: int, rate: float = 0.2
) -> Batches:
    """Whether a listener came back, as `binary`."""
    sums = rng.binomial(n, rate, shape).astype(float)
    return Batches(n, sums, sums)


def rare_batches(rng: np.random.Generator, shape: tuple[int, int], n: int) -> Batches:
    """One listener in a hundred spends something, and one of them can outweigh all others."""
    counts = rng.binomial(n, 0.01, shape)
    owner = np.repeat(np.arange(counts.size), counts.ravel())
    values = rng.lognormal(0.0, 1.8, owner.size)
    sums = np.bincount(owner, values, minlength=counts.size).reshape(shape)
    return Batches(n, sums, np.bincount(owner, values**2, minlength=counts.size).reshape(shape))


def z_at_looks(control: Batches, treated: Batches) -> Floats:
    """Return Welch's z at each look, (sims, looks); 0 where nothing varies yet."""
    (count, a, a_variance), (_, b, b_variance) = control.moments(), treated.moments()
    error = np.sqrt((a_variance + b_variance) / count)
    return np.divide(b - a, error, out=np.zeros_like(a), where=error > 0)


def agree(control: Batches, treated: Batches, config: AlwaysValidConfig, crossed: Floats) -> None:
    """Assert that the vectorised verdicts of the first simulation are those of `always_valid`."""
    (count, a, a_variance), (_, b, b_variance) = control.moments(), treated.moments()
    for look in range(0, count.size, 7):
        arms = [
            Aggregate(n=int(count[look]), mean=mean[0, look], variance=variance[0, look])
            for mean, variance in ((a, a_variance), (b, b_variance))
        ]
        assert (always_valid(*arms, config).p_value < config.alpha) == crossed[0, look]


def peeking(rng: np.random.Generator, *, quick: bool) -> Iterator[Figure]:
    """A/A experiments that are looked at 500 times, by a test made for it and one that is not."""
    sims, looks, n = (150, 100, 100) if quick else (2000, 500, 100)
    config = AlwaysValidConfig()
    total = 2 * n * np.arange(1, looks + 1)
    bounds = np.array([critical_value(int(t), config.alpha, config.tuning) for t in total])
    bounds[total < config.min_listeners] = math.inf
    for draw in (skewed_batches, binary_batches, rare_batches):
        name = draw.__name__.removesuffix("_batches")
        valid = naive = 0
        for start in range(0, sims, 50):
            shape = (min(50, sims - start), looks)
            arms = draw(rng, shape, n), draw(rng, shape, n)
            z = np.abs(z_at_looks(*arms))
            crossed = z > bounds
            if start == 0:
                agree(*arms, config, crossed)
            valid += int(crossed.any(axis=1).sum())
            naive += int((z > Z_95).any(axis=1).sum())
        yield share(f"{looks} looks, {name}: always-valid, A/A rejected", valid, sims, 0, 5)
        yield share(f"{looks} looks, {name}: naive, A/A rejected", naive, sims, 20, 100)


def planned(rng: np.random.Generator, *, quick: bool) -> Iterator[Figure]:
    """Fourteen daily looks with O'Brien-Fleming spending, where one look has 80 % power."""
    sims, looks, n, base = (1000 if quick else 20_000), 14, 1000, 0.2
    bounds = np.array(boundaries([(day + 1) / looks for day in range(looks)]))
    spread = math.sqrt(2 * base * (1 - base) / (looks * n))
    lift = (Z_95 + float(special.ndtri(0.8))) * spread
    for name, rate, low, high in (
        ("A/A rejected", base, 0.0, 5.5),
        ("power, fixed test 80 %", base + lift, 74.0, 100.0),
    ):
        control = binary_batches(rng, (sims, looks), n, base)
        z = np.abs(z_at_looks(control, binary_batches(rng, (sims, looks), n, rate)))
        hits = int((z > bounds).any(axis=1).sum())
        yield share(f"group-sequential, 14 looks, binary: {name}", hits, sims, low, high)
    sims = 200 if quick else 4000
    hits = 0
    for _ in range(sims // 50):
        arms = [skewed_batches(rng, (50, looks), 300) for _ in range(2)]
        hits += int((np.abs(z_at_looks(*arms)) > bounds).any(axis=1).sum())
    yield share("group-sequential, 14 looks, skewed: A/A rejected", hits, sims, 0.0, 5.5)


# ---- less variance, sound splits, interleaving -----------------------------------------------


def cuped(rng: np.random.Generator, *, quick: bool) -> Iterator[Figure]:
    """Variance removed beside rho squared, and the widest that an interval became."""
    sims, n = (30, 2000) if quick else (200, 10_000)
    for rho in (0.3, 0.5, 0.7, 0.9):
        removed = []
        for _ in range(sims):
            past = rng.normal(size=(2, n))
            now = rho * past + math.sqrt(1 - rho**2) * rng.normal(size=(2, n))
            arms = [aggregate_listeners(now[at], covariate=past[at]) for at in range(2)]
            removed.append(100 * (1 - contrast(*arms).variance_kept))
        middle, error = float(np.mean(removed)), float(np.std(removed) / math.sqrt(sims))
        target = 100 * rho**2
        name = f"CUPED, rho {rho}: variance removed (rho² {target:.0f} %)"
        yield Figure(name, middle, target - 2, target + 2, error)
    widest = 0.0
    for at in range(sims * 20):
        sizes = ((200, 200), (2000, 200), (30, 30), (900, 100))[at % 4]
        of = []
        for size in sizes:
            past = rng.lognormal(0, 1.5, size)
            now = rng.lognormal(0, 1.0, size) + (0.0, 0.1)[at % 2] * past
            of.append((aggregate_listeners(now), aggregate_listeners(now, covariate=past)))
        plain, adjusted = (fixed_horizon(of[0][kind], of[1][kind]).difference for kind in (0, 1))
        widest = max(widest, (adjusted.high - adjusted.low) / (plain.high - plain.low))
    yield Figure("CUPED: widest interval beside the plain one", 100 * widest, 0, 101, 0.0)


def splits(rng: np.random.Generator, *, quick: bool) -> Iterator[Figure]:
    """The sequential sample-ratio test over 200 looks to 100,000 listeners."""
    config, looks, n = SampleRatioConfig(), 200, 500
    bound = -math.log(config.alpha)

    def crossed(rate: float, sims: int) -> NDArray[np.bool_]:
        first = rng.binomial(n, rate, (sims, looks)).cumsum(axis=1)
        counts = np.stack([first, n * np.arange(1, looks + 1) - first], axis=-1).astype(float)
        evidence = log_evidence(counts, np.array([0.5, 0.5]), config)
        return np.logical_or.accumulate(evidence >= bound, axis=1)

    sims = 2000 if quick else 20_000
    found = crossed(0.51, sims)
    yield share("split 51/49: found by 50,000", int(found[:, looks // 2 - 1].sum()), sims, 85, 100)
    yield share("split 51/49: found by 100,000", int(found[:, -1].sum()), sims, 99, 100)
    false = sum(int(crossed(0.5, sims)[:, -1].sum()) for _ in range(1 if quick else 10))
    sims *= 1 if quick else 10
    yield share("split 50/50: false alarms in 200 looks", false, sims, 0, 0.3)


@dataclass(frozen=True)
class Feeds:
    """Drafts of two rankers that are equally good, (feeds, slots)."""

    team: NDArray[np.int64]
    competes: NDArray[np.bool_]
    appeal: Floats

    @classmethod
    def draft(cls, rng: np.random.Generator, feeds: int, slots: int = 10) -> Feeds:
        """Draft feeds whose rankers see the same appeal through noise of their own."""
        team = np.empty((feeds, slots), dtype=np.int64)
        competes, appeal = np.empty(team.shape, dtype=np.bool_), np.empty(team.shape)
        for at in range(feeds):
            truth = rng.random(30)
            lists = [np.argsort(-(truth + rng.normal(0, 0.2, 30))).tolist() for _ in range(2)]
            draft = team_draft(lists, slots, seeded_coin(at))
            team[at], competes[at] = draft.teams, draft.competitive
            appeal[at] = truth[draft.rows]
            if at == 0:  # the sums below are what `credit` counts
                expected = [int(((draft.teams == k) & draft.competitive).sum()) for k in range(2)]
                assert list(credit(draft, range(slots))) == expected
        return cls(team, competes, appeal)


def interleaved(rng: np.random.Generator, *, quick: bool) -> Iterator[Figure]:
    """A/A of interleaving where each listener leans to a ranker, and on average to none."""
    sims, listeners = (150, 100) if quick else (1000, 300)
    pool = Feeds.draft(rng, 300 if quick else 5000)
    rejected = by_play = 0
    for _ in range(sims):
        opened = 1 + rng.poisson(rng.lognormal(0.5, 0.8, listeners))
        owner = np.repeat(np.arange(listeners), opened)
        feed = rng.integers(pool.team.shape[0], size=owner.size)
        lean = rng.uniform(-0.6, 0.6, listeners)[owner, None]
        position = 1.0 / np.log2(2 + np.arange(pool.team.shape[1]))
        chance = 0.6 * pool.appeal[feed] * position * (1 + lean * (2 * pool.team[feed] - 1))
        played = (rng.random(chance.shape) < chance) & pool.competes[feed]
        earned = [
            np.bincount(owner, (played & (pool.team[feed] == ranker)).sum(axis=1)).astype(np.int64)
            for ranker in range(2)
        ]
        rejected += preference(*earned).p_value < 0.05
        a, b = (int(of.sum()) for of in earned)
        by_play += abs(b - a) > Z_95 * math.sqrt(a + b)
    yield share("interleaving, by listener: A/A rejected", rejected, sims, 3.6, 6.4)
    yield share("interleaving, by play: A/A rejected", by_play, sims, 10, 100)


PARTS: dict[str, Callable[..., Iterator[Figure]]] = {
    part.__name__: part for part in (fixed, peeking, planned, cuped, splits, interleaved)
}


def figures(part: str, *, quick: bool, seed: int = 6) -> list[Figure]:
    """Run one part with its own stream of random numbers."""
    rng = np.random.default_rng([seed, list(PARTS).index(part)])
    return list(PARTS[part](rng, quick=quick))


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, as in the tests")
    parser.add_argument("--part", choices=list(PARTS), action="append")
    parser.add_argument("--seed", type=int, default=6)
    given = parser.parse_args()
    for part in given.part or PARTS:
        started = time.process_time()
        for figure in figures(part, quick=given.quick, seed=given.seed):
            mark = "met" if figure.passes() else "MISSED"
            print(
                f"{figure.name:58} {figure.value:8.3f} % ± {figure.error:5.3f}"
                f"   target {figure.low:g} to {figure.high:g}   {mark}"
            )
        print(f"  ({part}: {time.process_time() - started:.0f} s)")


if __name__ == "__main__":
    main()
