"""Tell for a list of ids who is in an experiment, and in which variation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ConfigError, DataError
from pipelines.job import Report
from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.evaluation import run
from ranking.experiments.bucketing.hashing import hash_bucket
from ranking.experiments.definitions.definition import Experiment
from ranking.experiments.definitions.features import Feature
from ranking.experiments.definitions.reading import read_features
from ranking.experiments.targeting.conditions import Groups
from ranking.experiments.targeting.javascript import is_array


class AssignedId(Report):
    """What one id gets."""

    id: str
    """The id, as it is hashed."""
    in_experiment: bool
    """Whether it is in the experiment; who is not gets control."""
    variation: int
    """The variation, 0 for control."""
    bucket: float | None
    """Where the experiment's seed puts it in [0, 1), whether or not that decided; None without an
    id or with an unknown version of the hash."""


class AssignedIds(Report):
    """What each id gets, in the order they were given."""

    assignments: list[AssignedId]

    def counts(self) -> dict[str, int]:
        """Return how many ids each variation has, and how many are outside."""
        inside = Counter(one.variation for one in self.assignments if one.in_experiment)
        named = {f"variation {number}": inside[number] for number in sorted(inside)}
        return {**named, "not in it": len(self.assignments) - inside.total()}


@dataclass(frozen=True)
class Payload:
    """What an experiment may refer to: features and saved groups, as an SDK gets them.

    Args:
        features: Feature → what it is.
        groups: Saved group → its members.
    """

    features: Mapping[str, Feature] = field(default_factory=dict)
    groups: Groups = field(default_factory=dict)


def read_document(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ConfigError: If it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}; mend it") from error


def read_payload(path: Path) -> Payload:
    """Read the payload of an SDK: an object with `features`, and perhaps `savedGroups`.

    Raises:
        ConfigError: If it is another thing, or a feature in it is malformed.
    """
    document = read_document(path)
    groups = document.get("savedGroups") or {} if isinstance(document, Mapping) else None
    if not isinstance(groups, Mapping) or not all(map(is_array, groups.values())):
        raise ConfigError(
            f"{path} is no payload: it holds an object with features and savedGroups (lists)"
        )
    return Payload(read_features(document.get("features") or {}), groups)


def read_listeners(path: Path, attribute: str) -> list[dict[str, Any]]:
    """Read the attributes of listeners.

    Args:
        path: Ids, one a line, or a JSON list whose parts are ids or objects of attributes.
        attribute: What an id alone is the value of.

    Raises:
        DataError: If the file cannot be read, or a part of the list is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}") from error
    listed = _listed(text)
    if listed is None:  # not splitlines(): it breaks an id at a sign that only looks like an end
        lines = (line.removesuffix("\r") for line in text.split("\n"))
        return [{attribute: line} for line in lines if line]
    for place, part in enumerate(listed):
        if not isinstance(part, str | int | float | Mapping) or isinstance(part, bool):
            raise DataError(
                f"{path}: part {place} is {part!r}; give an id or an object of attributes"
            )
    return [dict(one) if isinstance(one, Mapping) else {attribute: one} for one in listed]


def assign_all(
    experiment: Experiment, listeners: Iterable[Mapping[str, Any]], payload: Payload
) -> AssignedIds:
    """Assign listeners.

    Args:
        experiment: The experiment.
        listeners: Their attributes.
        payload: What the experiment refers to.
    """
    return AssignedIds(assignments=[_assigned(experiment, one, payload) for one in listeners])


def _listed(text: str) -> list[Any] | None:
    """Return a JSON list, None where the text is none: an id may begin with a bracket too."""
    if not text.lstrip().startswith("["):
        return None
    try:
        listed = json.loads(text)
    except ValueError:
        return None
    return listed if isinstance(listed, list) else None


def _assigned(
    experiment: Experiment, attributes: Mapping[str, Any], payload: Payload
) -> AssignedId:
    context = Context(attributes, features=payload.features, groups=payload.groups)
    result = run(experiment, context)
    seed, version = experiment.hashed_with
    return AssignedId(
        id=result.identity.text,
        in_experiment=result.in_experiment,
        variation=result.variation,
        bucket=hash_bucket(seed, result.identity.text, version) if result.identity else None,
    )
