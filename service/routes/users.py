"""`/v1/users/…/preferences`: what a listener asks for."""

from __future__ import annotations

from fastapi import APIRouter

from service.dependencies import ContextDep, NowMs, UserId
from service.preferences import read_preferences, replace_preferences
from service.problems import Problem
from service.schemas import PreferencesAnswer, PreferencesBody

router = APIRouter(tags=["users"])
PATH = "/v1/users/{user_id:path}/preferences"


@router.get(PATH)
def preferences(user_id: UserId, context: ContextDep) -> PreferencesAnswer:
    """Return what a listener asked for; the defaults where they never did."""
    with context.workspace.database.read() as connection:
        return read_preferences(connection, user_id)


@router.put(PATH, responses={400: {"model": Problem}})
def set_preferences(
    user_id: UserId, wanted: PreferencesBody, context: ContextDep, now_ms: NowMs
) -> PreferencesAnswer:
    """Replace what a listener asks for; the next feed keeps to it."""
    with context.workspace.database.write() as connection:
        replace_preferences(connection, user_id, wanted, now_ms)
        return read_preferences(connection, user_id)
