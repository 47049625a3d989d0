"""Read experiments and features from JSON, and say of a malformed one what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from core.errors import ConfigError
from ranking.experiments.definitions.definition import Experiment
from ranking.experiments.definitions.features import Feature, rule_of

SHOWN_CHARS = 60  # of a wrong value
WHERE = "docs/experiments.md lists the keys"


def read_experiment(document: Any) -> Experiment:
    """Read one experiment.

    Args:
        document: Its JSON, as an SDK's `run` takes it.

    Raises:
        ConfigError: Naming every field that is wrong, its value and what it may be.
    """
    named = document.get("key") if isinstance(document, Mapping) else None
    try:
        return Experiment.model_validate(document)
    except ValidationError as error:
        raise _refused(f"experiment {named!r}" if named else "experiment", error) from error


def read_features(document: Any) -> dict[str, Feature]:
    """Read features.

    Args:
        document: Feature → its JSON: what an SDK gets under `features`.

    Raises:
        ConfigError: Naming the first feature and rule that are wrong, and each field there.
    """
    if not isinstance(document, Mapping):
        raise ConfigError(f"features are an object of objects, not {_shown(document)}; {WHERE}")
    return {name: _feature(name, one) for name, one in document.items()}


def _feature(name: str, document: Any) -> Feature:
    rules = document.get("rules") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(rules, list | tuple | None):
        raise ConfigError(
            f"feature {name!r} is an object with a list of rules, not {_shown(document)}; {WHERE}"
        )
    read = []
    for place, rule in enumerate(rules or ()):
        whose = f"feature {name!r}, rule {place}"
        if not isinstance(rule, Mapping):
            raise ConfigError(f"{whose} is an object, not {_shown(rule)}; {WHERE}")
        try:
            read.append(rule_of(rule, name))
        except ValidationError as error:
            raise _refused(whose, error) from error
    return Feature(document.get("defaultValue"), tuple(read))


def _refused(whose: str, error: ValidationError) -> ConfigError:
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or 'as a whole'}: {fault['msg']}"
        f" (given: {_shown(fault['input'])})"
        for fault in error.errors()
    ]
    listed = "\n  ".join(faults)
    return ConfigError(f"{whose} cannot be used:\n  {listed}\n{WHERE}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
