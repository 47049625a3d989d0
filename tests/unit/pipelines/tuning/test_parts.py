"""The parts of a search, each against what it must be."""

from __future__ import annotations

import tomllib

import numpy as np
import optuna
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from pydantic import ValidationError

from core.errors import ConfigError, DataError
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.ranker_training.training_set import TrainingSet
from pipelines.tuning.configuration import TuneConfig
from pipelines.tuning.judging import worth
from pipelines.tuning.pruning import StepMedian
from pipelines.tuning.selection import gain, honest_gain
from pipelines.tuning.slices import cut
from pipelines.tuning.space import applied, settings_now, space_of
from pipelines.tuning.toml_text import merged, toml_text
from ranking.metrics.accuracy import ndcg
from ranking.model import FeatureMatrix
from ranking.rankers.training import RankerConfig, RankingData


def graded(moments: list[int], users: list[str], rows: int = 4) -> TrainingSet:
    """Return one request a moment and listener; the second of its rows was chosen."""
    n = len(moments) * rows
    labels = np.zeros(n, dtype=np.int32)
    labels[1::rows] = 2
    data = RankingData(
        names=("a",),
        values=np.arange(n, dtype=np.float32)[:, None],
        labels=labels,
        groups=np.full(len(moments), rows),
    )
    about = pl.DataFrame(
        {
            "user_id": np.repeat(users, rows),
            "track_id": [f"t{at}" for at in range(n)],
            "at_ms": np.repeat(moments, rows),
        }
    )
    return TrainingSet("lambdarank", data, about)


class Backwards:
    """A ranker that prefers what stands late."""

    feature_names = ("a",)

    def score(self, features: FeatureMatrix) -> np.ndarray:
        return features.values[:, 0]


def test_the_latest_moments_judge_and_no_moment_is_torn() -> None:
    moments = [1] * 30 + [2] * 30 + [3] * 30
    users = [f"u{at:02d}" for at in range(30)] * 3
    earlier, later = cut(graded(moments, users), 0.25)
    assert set(later.about["at_ms"]) == {3}
    assert set(earlier.about["at_ms"]) == {1, 2}
    assert later.data.groups.sum() == later.about.height == len(later.data.values)
    # Features stay with what they are about.
    assert later.data.values[:, 0].tolist() == list(range(240, 360))


def test_of_one_moment_whole_listeners_judge() -> None:
    users = [f"u{at // 3:02d}" for at in range(120)]  # three requests each
    earlier, later = cut(graded([7] * 120, users), 0.3)
    assert not set(earlier.about["user_id"]) & set(later.about["user_id"])
    assert later.about["user_id"].n_unique() == pytest.approx(12, abs=1)


def test_too_few_listeners_or_a_blend_are_refused() -> None:
    with pytest.raises(DataError, match="judge_share"):
        cut(graded([1, 2, 3], ["a", "b", "c"]), 0.3)
    data = graded([1], ["a"])
    with pytest.raises(ConfigError, match="timeless"):
        cut(TrainingSet("blend", data.data, data.about), 0.3)


def test_worth_is_the_mean_ndcg_of_each_listener() -> None:
    data = graded([1, 1, 2], ["b", "a", "b"], rows=12)
    found = worth(Backwards(), data)  # type: ignore[arg-type]
    hits = np.zeros(12, dtype=np.bool_)
    hits[10] = True  # the second of twelve, backwards: beyond the tenth place
    assert found.tolist() == [ndcg(hits, 1, 10)] * 2 == [0.0, 0.0]
    four = worth(Backwards(), graded([1, 1], ["b", "a"]))  # type: ignore[arg-type]
    assert four == pytest.approx([1 / np.log2(4)] * 2)  # third of four


def test_luck_alone_is_no_gain_and_a_real_gain_is_found() -> None:
    """Coverage over 100 searches of 20 trials that are all alike."""
    covered = {"gain": 0, "honest": 0}
    searches = 100
    for seed in range(searches):
        rng = np.random.default_rng(seed)
        values = rng.normal(0.3, 0.2, 150) + rng.normal(0, 0.1, (20, 150))
        best = int(np.argmax(values.mean(axis=1)))
        covered["gain"] += gain(values[best], values[0], rng).low <= 0
        covered["honest"] += honest_gain(values, rng).low <= 0
    # One-sided 97.5 %; three standard errors of 100 draws are 4.7 %.
    assert covered["honest"] / searches > 0.928
    assert covered["gain"] / searches < 0.9  # the winner's own interval promises too much
    rng = np.random.default_rng(1)
    values = rng.normal(0.3, 0.2, 150) + rng.normal(0, 0.1, (20, 150))
    values[7] += 0.1
    found = honest_gain(values, rng)
    assert found.low > 0.05
    assert found.mean == pytest.approx(0.1, abs=0.03)


def test_the_space_goes_back_into_settings() -> None:
    training = RankerTrainingConfig(trees=RankerConfig(l2=0.0, leaves=500))
    space = space_of(TuneConfig(), training)
    assert {one.name for one in space} >= {"leaves", "ndcg_at"}
    assert applied(training, settings_now(space, training)) == training  # outside the ranges, too
    changed = applied(training, {"trees": {"leaves": 31}})
    assert changed.trees == training.trees.model_copy(update={"leaves": 31})
    heads = space_of(TuneConfig(), RankerTrainingConfig(objective="heads"))
    assert {one.name for one in heads if one.section == "heads"} == {"negatives"}
    assert "ndcg_at" not in {one.name for one in heads}


@pytest.mark.parametrize(
    "limits", [{"leaves": (1, 5)}, {"l2": (0.0, 1.0)}, {"row_share": (0.9, 0.5)}]
)
def test_ranges_that_no_setting_allows_are_refused(limits: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(ValidationError):
        TuneConfig(**limits)


def test_a_trial_below_the_median_at_its_step_is_given_up() -> None:
    study = optuna.create_study(direction="maximize", pruner=StepMedian(after=3))
    for figure in (0.1, 0.2, 0.3):
        study.add_trial(
            create_trial(
                value=figure,
                params={"x": 0.5},
                distributions={"x": FloatDistribution(0, 1)},
                intermediate_values={10: figure, 20: 0.9},
            )
        )
    trial = study.ask({"x": FloatDistribution(0, 1)})
    trial.report(0.05, 5)
    assert not trial.should_prune()  # nobody else was there
    trial.report(0.2, 10)
    assert not trial.should_prune()  # the median itself stays
    trial.report(0.8, 20)
    assert trial.should_prune()  # below it here, though it was not before
    study.tell(trial, state=TrialState.PRUNED)
    assert not StepMedian(after=4).prune(study, study.trials[-1])  # too few to compare with


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text('aZ-_ .é"', min_size=0), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text('ab-_. "\\', min_size=1, max_size=4), VALUES, max_size=4))
def test_toml_reads_back_as_it_was(document: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(document)) == document


def test_settings_are_put_over_settings() -> None:
    below = {"feed": {"size": 9}, "train": {"ranker": {"windows": 2, "trees": {"leaves": 3}}}}
    above = {"train": {"ranker": {"trees": {"leaves": 31, "l2": 1.5}}}}
    assert merged(below, above) == {
        "feed": {"size": 9},
        "train": {"ranker": {"windows": 2, "trees": {"leaves": 31, "l2": 1.5}}},
    }
