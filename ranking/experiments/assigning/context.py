"""What an assignment is decided by: who the listener is, and what holds for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ranking.experiments.assigning.sticky import StickyStore
from ranking.experiments.definitions.definition import DEFAULT_ATTRIBUTE
from ranking.experiments.definitions.features import Feature
from ranking.experiments.targeting.conditions import Groups
from ranking.experiments.targeting.javascript import as_text, is_truthy


@dataclass(frozen=True)
class Context:
    """One listener before the experiments.

    Args:
        attributes: What is known of the listener, JSON; `id` is hashed unless told otherwise.
        forced: Experiment → variation, for testers.
        url: An address whose query may force variations: `?my-experiment=1`.
        features: Features that parents are looked up in.
        groups: Saved groups that conditions name.
        sticky: Where assignments are kept, or None where they are not.
        enabled: Whether there are experiments at all.
        testing: Whether only forced variations count.
    """

    attributes: Mapping[str, Any]
    forced: Mapping[str, int] = field(default_factory=dict)
    url: str = ""
    features: Mapping[str, Feature] = field(default_factory=dict)
    groups: Groups = field(default_factory=dict)
    sticky: StickyStore | None = None
    enabled: bool = True
    testing: bool = False


class Identity(NamedTuple):
    """What is hashed of a listener.

    Args:
        attribute: Which attribute.
        value: Its value, "" where it is missing.
    """

    attribute: str
    value: Any

    @property
    def text(self) -> str:
        """The value as it is hashed."""
        return as_text(self.value)

    def __bool__(self) -> bool:
        """Whether there is anything to hash."""
        return is_truthy(self.value)


def identify(attributes: Mapping[str, Any], attribute: str, fallback: str = "") -> Identity:
    """Return what is hashed of a listener.

    Args:
        attributes: What is known.
        attribute: The attribute to hash; empty for `id`.
        fallback: The one to take where that is missing; empty for none.
    """
    attribute = attribute or DEFAULT_ATTRIBUTE
    found = attributes.get(attribute)
    if not is_truthy(found) and fallback and is_truthy(attributes.get(fallback)):
        return Identity(fallback, attributes[fallback])
    return Identity(attribute, found if is_truthy(found) else "")
