"""Effects agree with scipy, with tea-tasting, and with the equations that define them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tea_tasting.aggr import Aggregates
from tea_tasting.metrics import RatioOfMeans

from core.errors import ExperimentError
from pipelines.experiments.statistics.aggregates import Aggregate, aggregate_listeners
from pipelines.experiments.statistics.contrasts import contrast
from pipelines.experiments.statistics.effects import fixed_horizon

NAMES = ("value", "denominator", "covariate", "covariate_denominator")


def arm(rng: np.random.Generator, n: int, *, seconds: int = 0, shift: float = 0.0) -> Aggregate:
    """Plays, trials and their past, all driven by how much a listener listens."""
    keen = rng.lognormal(0.0, 0.7, n)
    trials, past_trials = rng.poisson(4 * keen) + 1.0, rng.poisson(4 * keen) + 1.0
    values = trials * (0.4 + shift) + rng.normal(0, 1, n) + keen
    past = past_trials * 0.4 + rng.normal(0, 1, n) + keen
    given = {"denominator": trials, "covariate": past, "covariate_denominator": past_trials}
    return aggregate_listeners(values, **dict(list(given.items())[:seconds]))


def as_tea(of: Aggregate) -> Aggregates:
    names, matrix = of.variables, of.covariances()
    return Aggregates(
        count_=of.n,
        mean_=dict(zip(names, of.means().tolist(), strict=True)),
        var_=dict(zip(names, np.diag(matrix).tolist(), strict=True)),
        cov_={
            (names[i], names[j]) if names[i] < names[j] else (names[j], names[i]): float(
                matrix[i, j]
            )
            for i in range(len(names))
            for j in range(i)
        },
    )


def test_a_difference_of_means_is_welchs() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.exponential(2.0, 31), rng.exponential(2.5, 18)
    found = fixed_horizon(aggregate_listeners(a), aggregate_listeners(b), alpha=0.1)
    expected = stats.ttest_ind(b, a, equal_var=False)
    interval = expected.confidence_interval(0.9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.difference.low, found.difference.high) == pytest.approx(tuple(interval), rel=1e-9)


@pytest.mark.parametrize("seconds", [1, 2, 3])
@pytest.mark.parametrize("sizes", [(3000, 3000), (4500, 500)])
def test_ratios_and_cuped_are_tea_tastings(seconds: int, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(seconds)
    control = arm(rng, sizes[0], seconds=seconds)
    treated = arm(rng, sizes[1], seconds=seconds, shift=0.02)
    metric = RatioOfMeans(
        "value",
        "denominator",
        "covariate" if seconds > 1 else None,
        "covariate_denominator" if seconds > 2 else None,
    )
    tea = (as_tea(control), as_tea(treated))
    expected = metric.analyze_aggregates(*tea)
    theta = metric._covariate_coef((tea[0] + tea[1]).with_zero_div()) if seconds > 1 else 0.0
    found = contrast(control, treated, theta=theta)
    effect = fixed_horizon(control, treated) if seconds == 1 else None
    assert found.difference == pytest.approx(expected.effect_size, rel=1e-9)
    # It reads the covariate at the ratio of all, this at the mean of the ratios: 1e-7 apart here.
    assert found.control == pytest.approx(expected.control, rel=1e-9 if seconds < 3 else 1e-6)
    half = (expected.effect_size_ci_upper - expected.effect_size_ci_lower) / 2
    t = stats.t.ppf(0.975, found.freedom)
    # tea-tasting linearises the covariate around both variations' ratio, this around each one's.
    assert t * found.standard_error == pytest.approx(half, rel=1e-9 if seconds < 3 else 2e-3)
    if effect is not None:
        assert effect.p_value == pytest.approx(expected.pvalue, rel=1e-7)
    # Its theta is that of all listeners, ours minimises the variance: near in large samples.
    ours = contrast(control, treated)
    assert ours.difference == pytest.approx(expected.effect_size, abs=half * 0.1)
    assert ours.variance <= found.variance * (1 + 1e-12)


def test_a_ratios_variance_is_that_of_its_linearisation() -> None:
    rng = np.random.default_rng(5)
    top, bottom = rng.gamma(2, 2, 400), rng.gamma(3, 1, 400) + 1
    of = aggregate_listeners(top, denominator=bottom)
    line = (top - top.mean() / bottom.mean() * bottom) / bottom.mean()
    assert contrast(of, of).variance == pytest.approx(2 * line.var(ddof=1) / 400, rel=1e-10)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.tuples(st.integers(2, 400), st.integers(2, 400)),
    seconds=st.sampled_from([2, 3]),
)
def test_a_covariate_never_adds_variance(seed: int, sizes: tuple[int, int], seconds: int) -> None:
    rng = np.random.default_rng(seed)
    control, treated = (arm(rng, n, seconds=seconds) for n in sizes)
    found = contrast(control, treated)
    assert found.variance_kept <= 1 + 1e-9
    for nudge in (-0.01, 0.01):  # theta is the minimum
        other = contrast(control, treated, theta=found.theta + nudge)
        assert other.variance >= found.variance * (1 - 1e-12)


def test_cuped_removes_the_squared_correlation() -> None:
    rng = np.random.default_rng(9)
    past = rng.normal(size=(2, 20_000))
    now = 0.8 * past + 0.6 * rng.normal(size=past.shape)
    arms = [aggregate_listeners(now[at], covariate=past[at]) for at in range(2)]
    # rho² = 0.64; its standard error at 40,000 listeners is 0.003
    assert contrast(*arms).variance_kept == pytest.approx(1 - 0.64, abs=0.012)


def test_variances_are_those_of_the_linear_combinations_they_stand_for() -> None:
    rng = np.random.default_rng(12)
    drawn = [rng.multivariate_normal([5.0, 3.0], [[2.0, 0.9], [0.9, 1.0]], n) for n in (90, 30)]
    arms = [aggregate_listeners(one[:, 0], covariate=one[:, 1]) for one in drawn]
    found = contrast(*arms)
    joint = np.zeros((4, 4))  # of the means of value and covariate, control before treatment
    joint[:2, :2], joint[2:, 2:] = (np.cov(one.T) / len(one) for one in drawn)
    difference = np.array([-1.0, found.theta, 1.0, -found.theta])
    # The control's level is read at the covariate's mean over all 120 listeners.
    control = np.array([1.0, -found.theta * (1 - 90 / 120), 0.0, found.theta * 30 / 120])
    means = np.concatenate([one.mean(axis=0) for one in drawn])
    assert (found.difference, found.control) == pytest.approx((difference @ means, control @ means))
    assert found.variance == pytest.approx(difference @ joint @ difference)
    assert found.control_variance == pytest.approx(control @ joint @ control)
    assert found.covariance == pytest.approx(difference @ joint @ control)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    shift=st.floats(-0.5, 0.5),
    seconds=st.integers(0, 3),
    alpha=st.sampled_from([0.01, 0.05, 0.2]),
)
def test_both_intervals_and_the_p_value_agree_about_zero(
    seed: int, shift: float, seconds: int, alpha: float
) -> None:
    rng = np.random.default_rng(seed)
    control, treated = arm(rng, 200, seconds=seconds), arm(rng, 150, seconds=seconds, shift=shift)
    found = fixed_horizon(control, treated, alpha=alpha)
    assert found.difference.holds(0) == (found.p_value >= alpha)
    assert found.relative is not None
    assert found.relative.holds(0) == found.difference.holds(0)
    assert found.relative.holds(found.relative.estimate)


def test_fiellers_ends_solve_its_equation() -> None:
    rng = np.random.default_rng(2)
    control, treated = arm(rng, 60), arm(rng, 40, shift=0.3)
    found, effect = contrast(control, treated), fixed_horizon(control, treated)
    critical = stats.t.ppf(0.975, found.freedom)
    assert effect.relative is not None
    for ratio in (effect.relative.low, effect.relative.high):
        apart = found.difference - ratio * found.control
        variance = found.variance - 2 * ratio * found.covariance + ratio**2 * found.control_variance
        assert apart**2 == pytest.approx(critical**2 * variance, rel=1e-9)


def test_a_level_that_may_be_zero_has_no_relative_effect() -> None:
    rng = np.random.default_rng(4)
    found = fixed_horizon(*(aggregate_listeners(rng.normal(size=50)) for _ in range(2)))
    assert found.relative is None


def test_more_of_a_negative_level_is_positive() -> None:
    control, treated = (Aggregate(n=900, mean=m, variance=1.0) for m in (-10.0, -9.0))
    relative = fixed_horizon(control, treated).relative
    assert relative is not None
    assert relative.estimate == pytest.approx(0.1)
    assert 0 < relative.low < 0.1 < relative.high


def test_what_never_varies_has_an_interval_of_no_width() -> None:
    same = Aggregate(n=50, mean=2.0, variance=0.0)
    found = fixed_horizon(same, same)
    assert (found.difference.low, found.difference.high, found.p_value) == (0.0, 0.0, 1.0)
    other = fixed_horizon(same, same.model_copy(update={"mean": 3.0}))
    assert (other.difference.low, other.p_value) == (1.0, 0.0)


def test_what_cannot_be_compared_is_refused() -> None:
    one, two = aggregate_listeners([1.0]), aggregate_listeners([1.0, 2.0])
    ratio = aggregate_listeners([1.0, 2.0], denominator=[1.0, -1.0])
    with pytest.raises(ExperimentError, match="control has 1 listener"):
        fixed_horizon(one, two)
    with pytest.raises(ExperimentError, match="denominator has mean 0"):
        fixed_horizon(ratio, ratio)
    with pytest.raises(ExperimentError, match="same metric declaration"):
        fixed_horizon(two, aggregate_listeners([1.0, 2.0], denominator=[1.0, 3.0]))
    with pytest.raises(ExperimentError, match="alpha is 5"):
        fixed_horizon(two, two, alpha=5)
