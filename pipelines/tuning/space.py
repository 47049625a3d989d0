"""The settings that are searched, as numbers between limits, and back as settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.tuning.configuration import TREES, TuneConfig

Value: TypeAlias = int | float
Section: TypeAlias = Literal["trees", "heads"]
LINEAR = ("column_share", "row_share", "ndcg_at")
DIGITS = 3  # significant: what is pasted into a file is what was tried


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting.

    Args:
        section: Where it stands below `[train.ranker]`.
        name: What it is called there.
        low: Smallest value tried.
        high: Largest value tried.
        logarithmic: Whether a factor counts alike everywhere, rather than a difference.
    """

    section: Section
    name: str
    low: Value
    high: Value
    logarithmic: bool

    @property
    def whole(self) -> bool:
        """Whether only whole numbers make sense."""
        return isinstance(self.low, int)

    def rounded(self, value: float) -> Value:
        """Return a value with as many digits as a person would write."""
        return round(value) if self.whole else float(f"{value:.{DIGITS}g}")

    def clipped(self, value: float) -> Value:
        """Return the value of the space that is nearest."""
        return min(max(self.low, value), self.high)


def space_of(config: TuneConfig, training: RankerTrainingConfig) -> tuple[Parameter, ...]:
    """Return what is searched for the kind of ranker that is trained."""
    if training.objective == "heads":
        trees = tuple(name for name in TREES if name != "ndcg_at")
        return (*(_parameter("trees", one, config) for one in trees),
                _parameter("heads", "negatives", config))  # fmt: skip
    return tuple(_parameter("trees", name, config) for name in TREES)


def settings_now(
    space: tuple[Parameter, ...], training: RankerTrainingConfig
) -> dict[str, dict[str, Value]]:
    """Return section → setting → its value as things are."""
    found: dict[str, dict[str, Value]] = {}
    for one in space:
        found.setdefault(one.section, {})[one.name] = getattr(
            getattr(training, one.section), one.name
        )
    return found


def applied(
    training: RankerTrainingConfig, settings: Mapping[str, Mapping[str, Any]]
) -> RankerTrainingConfig:
    """Return a configuration with some settings replaced.

    Args:
        training: As it is.
        settings: Section → setting → value.
    """
    document = training.model_dump()
    for section, values in settings.items():
        document[section] = {**document[section], **values}
    return RankerTrainingConfig.model_validate(document)


def _parameter(section: Section, name: str, config: TuneConfig) -> Parameter:
    low, high = getattr(config, name)
    return Parameter(section, name, low, high, logarithmic=name not in LINEAR)
