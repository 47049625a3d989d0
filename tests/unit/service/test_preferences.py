"""What listeners ask for, kept whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from core.workspace import open_workspace
from ranking.model import AiPreference
from service.preferences import read_preferences, replace_preferences
from service.schemas import PreferencesBody


def test_who_never_asked_has_the_defaults(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as workspace, workspace.database.read() as connection:
        found = read_preferences(connection, "u")
    assert found.model_dump() == {**PreferencesBody().model_dump(), "user_id": "u"}


def test_what_was_asked_is_replaced_whole(tmp_path: Path) -> None:
    first = PreferencesBody(
        ai=AiPreference.NONE, explicit=False, region="de", blocked_creators=["b", "a", "b"]
    )
    second = PreferencesBody(ai=AiPreference.LABELLED, blocked_creators=["c", "a"])
    with open_workspace(tmp_path) as workspace, workspace.database.write() as connection:
        replace_preferences(connection, "u", first, 1)
        replace_preferences(connection, "other", first, 1)
        was = read_preferences(connection, "u")
        replace_preferences(connection, "u", second, 2)
        found = read_preferences(connection, "u")
        other = read_preferences(connection, "other")
    assert (was.region, was.explicit, was.blocked_creators) == ("DE", False, ["a", "b"])
    assert found.model_dump(exclude={"user_id"}) == second.model_dump()
    assert other.blocked_creators == ["a", "b"]


@pytest.mark.parametrize(
    "body", [{"ai": "some"}, {"region": "DEU"}, {"blocked_creators": [""]}, {"aI": "all"}]
)
def test_what_cannot_be_asked_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PreferencesBody.model_validate(body)
