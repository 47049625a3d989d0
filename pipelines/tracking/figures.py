"""Reports and settings as the flat names and numbers of an experiment tracker."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

INTERVAL = frozenset({"mean", "low", "high"})
ROW_NAMES = ("model", "kind", "name", "head")
"""What a row of a report is called by, the first that it has."""
_STRANGE = re.compile(r"[^\w\-. /]")


def params_of(settings: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return dotted name → value; lists stand as JSON.

    Example:
        >>> params_of({"train": {"seed": 7, "heads": [{"name": "like"}]}})
        {'train.seed': 7, 'train.heads': '[{"name": "like"}]'}
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        full = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            found |= params_of(value, full)
        else:
            found[full] = json.dumps(value) if isinstance(value, list | tuple) else value
    return found


def metrics_of(document: Any) -> dict[str, float]:
    """Return the figures of a report: an interval as `name`, `name_low` and `name_high`.

    What is not a number is left out; a row of a list is named by its model, kind, name or head.

    Args:
        document: JSON-ready.

    Example:
        >>> metrics_of({"ndcg@10": {"mean": 0.3, "low": 0.2, "high": None}, "seeds": 2})
        {'ndcg_at_10': 0.3, 'ndcg_at_10_low': 0.2, 'seeds': 2.0}
    """
    return {name: value for name, value in _flat(document, "") if math.isfinite(value)}


def _flat(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            if set(value) == INTERVAL:
                yield from _flat(one, path if name == "mean" else f"{path}_{name}")
            else:
                yield from _flat(one, f"{path}.{name}" if path else name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for row in value:
            if isinstance(row, Mapping) and (name := _row_name(row)):
                yield from _flat(row, f"{path}.{name}" if path else name)
    elif isinstance(value, int | float) and path:
        yield _STRANGE.sub("_", path.replace("@", "_at_")), float(value)


def _row_name(row: Mapping[str, Any]) -> str:
    return next((str(row[name]) for name in ROW_NAMES if isinstance(row.get(name), str)), "")
