"""The `segue` command: global options, every command, and how a failure is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from core.errors import ConfigError, SegueError
from pipelines.commands import (
    artifacts,
    bench,
    compact,
    compare,
    demo,
    embed,
    evaluate,
    explain,
    export,
    imports,
    keys,
    serve,
    train,
    tune,
    world,
)
from pipelines.commands.display import print_json
from pipelines.commands.experiments import app as experiments
from pipelines.commands.session import Session
from pipelines.commands.supply import app as supply

EXIT_FAILED = 1
EXIT_WRONG_CALL = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT
GLOBAL_VALUES = ("--data", "--config")
GLOBAL_FLAGS = ("--debug",)

app = typer.Typer(
    name="segue",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A recommendation and ranking engine for AI-music feeds.",
)
app.add_typer(imports.app, name="import")
app.add_typer(world.app, name="world")
app.command()(train.train)
app.command()(embed.embed)
app.add_typer(evaluate.app, name="evaluate")
app.command()(compare.compare)
app.command()(explain.explain)
app.add_typer(experiments.app, name="experiment")
app.add_typer(export.app, name="export")
app.add_typer(supply.app, name="supply")
app.add_typer(tune.app, name="tune")
app.add_typer(bench.app, name="bench")
app.command()(artifacts.promote)
app.command()(artifacts.rollback)
app.command()(artifacts.artifacts)
app.command()(compact.compact)
app.add_typer(keys.app, name="keys")
app.command()(serve.serve)
app.command()(demo.demo)


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"segue {version('segue')}")
        raise typer.Exit


@app.callback()
def settle(
    context: typer.Context,
    data: Annotated[
        Path, typer.Option(file_okay=False, help="Root of store, warehouse and artifacts.")
    ] = Path("data"),
    config: Annotated[
        Path | None, typer.Option(help="Settings file. [default: segue.toml, if there]")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else there.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Log more, and show the traceback of a failure.")
    ] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Keep the global options for the command."""
    from core.telemetry import configure_logging  # help and mistakes are told without it

    configure_logging(as_json=as_json, level="DEBUG" if debug else "WARNING")
    context.obj = Session(data=data, config=config, as_json=as_json)


def main() -> NoReturn:
    """Run the command line and end the process."""
    # Set before numpy loads: BLAS pools fight with our own workers and with each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run one call.

    Args:
        words: The arguments.

    Returns:
        0 for success, 1 for a job that failed, 2 for a wrong call, 130 for an interruption.
    """
    try:
        app(globals_first(words), prog_name="segue")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else EXIT_FAILED
        return _ended(code, words)
    except KeyboardInterrupt:
        return _ended(EXIT_INTERRUPTED, words)
    except Exception as error:  # the one place that meets what nobody expected
        return _failed(error, words)
    return 0


def globals_first(words: Sequence[str]) -> list[str]:
    """Move global options to the front, so that they may also stand after the command."""
    moved: list[str] = []
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return [*moved, *rest, word, *left]
        if word in GLOBAL_FLAGS or word.startswith(tuple(f"{name}=" for name in GLOBAL_VALUES)):
            moved.append(word)
        elif word in GLOBAL_VALUES and left:
            moved += [word, left.pop(0)]
        else:
            rest.append(word)
    return moved + rest


def _ended(code: int, words: Sequence[str]) -> int:
    """Tell of an end that Typer has told of only in part."""
    if code == EXIT_INTERRUPTED:
        Console(stderr=True).print("\nInterrupted; what was not finished does not count.")
        _tell_machine("interrupted", "the call was interrupted", words)
    elif code == EXIT_WRONG_CALL:
        _tell_machine("wrong_call", "the call is wrong; standard error says how", words)
    return code


def _failed(error: Exception, words: Sequence[str]) -> int:
    """Tell what failed, why and what to do next."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    expected = isinstance(error, SegueError)
    text = str(error) if expected else f"{type(error).__name__}: {error}"
    console.print(f"[bold red]Error:[/] {escape(text)}")
    if "--debug" in words:
        from core.telemetry import logger

        logger().error("command_failed", exc_info=error)
    elif not expected:
        console.print("This was not expected; run it again with --debug for the traceback.")
    _tell_machine(type(error).__name__, text, words)
    return EXIT_WRONG_CALL if isinstance(error, ConfigError) else EXIT_FAILED


def _tell_machine(kind: str, message: str, words: Sequence[str]) -> None:
    """Print the failure as the call's one JSON document, where a machine reads."""
    if "--json" in words:
        print_json({"error": {"kind": kind, "message": message}})
