"""`segue keys`: who may call over HTTP, and what for."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.commands.session import now_ms, session_of

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys of the HTTP service.")

Name = Annotated[
    str, typer.Option(help="Who calls with it; kept with what they decide.", show_default=False)
]
Scopes = Annotated[
    list[str],
    typer.Option("--scope", help="What it is for, separated by commas.", show_default=False),
]
KeyIds = Annotated[list[str], typer.Argument(show_default=False, help="The ids of keys.")]


@app.callback()
def keys() -> None:
    """Make, list and revoke keys of the HTTP service."""


@app.command("create")
def create(context: typer.Context, name: Name, scope: Scopes, as_json: AsJson = False) -> None:
    """Make a key and show it, this once."""
    from core.keys import create_key
    from pipelines.keys import KeyList, NewKey

    session = session_of(context, as_json=as_json)
    words = [word.strip() for text in scope for word in text.split(",") if word.strip()]
    with session.workspace(session.settings()) as workspace:
        minted = create_key(workspace.database, name, words, now_ms())
    if session.as_json:
        session.show(NewKey.of(minted), "key")
    else:  # a table would fold the key on a narrow terminal
        session.show(KeyList.of([minted.key]), "key")
        session.say(f"{minted.text}\nKeep it now: the store holds only a digest of it.")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List keys, revoked ones too."""
    from core.keys import list_keys
    from pipelines.keys import KeyList

    session = session_of(context, as_json=as_json)
    with session.workspace(session.settings()) as workspace:
        report = KeyList.of(list_keys(workspace.database))
    if report.keys or session.as_json:
        session.show(report, "keys")
    else:
        session.say("There are no keys; `segue keys create` makes one.")


@app.command("revoke")
def revoke(context: typer.Context, ids: KeyIds, as_json: AsJson = False) -> None:
    """End keys from the next request on; those that are revoked stay so."""
    from core.keys import revoke_key
    from pipelines.keys import KeyList

    session, at = session_of(context, as_json=as_json), now_ms()
    with session.workspace(session.settings()) as workspace:
        report = KeyList.of([revoke_key(workspace.database, one, at) for one in ids])
    session.show(report, "revoked")
