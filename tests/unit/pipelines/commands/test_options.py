from __future__ import annotations

import pytest
import typer
from pydantic import BaseModel, ConfigDict, Field

from pipelines.cli import globals_first
from pipelines.commands.options import amended, parse_pairs


class _Inner(BaseModel):
    share: float = 0.5


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    tracks: int = Field(default=400, ge=20)
    play_listeners: int = Field(default=30, ge=1)
    inner: _Inner = _Inner()


def test_given_options_stand_over_the_config_and_absent_ones_do_not() -> None:
    config = _Config(tracks=50, inner=_Inner(share=0.1))
    assert amended(config, tracks=None, play_listeners=7) == _Config(
        tracks=50, play_listeners=7, inner=_Inner(share=0.1)
    )


def test_every_option_outside_its_limits_is_named() -> None:
    with pytest.raises(typer.BadParameter) as caught:
        amended(_Config(), tracks=3, play_listeners=0)
    assert "--tracks: Input should be greater than or equal to 20" in str(caught.value)
    assert "--play-listeners: Input should be" in str(caught.value)


def test_pairs_name_our_column_first() -> None:
    assert parse_pairs("track_id=video_id, at = time_ms ,", "--columns") == {
        "track_id": "video_id",
        "at": "time_ms",
    }
    assert parse_pairs("", "--columns") == {}
    assert parse_pairs("a=b=c", "--columns") == {"a": "b=c"}


@pytest.mark.parametrize("text", ["a", "a=", "=b", "a=b,c"])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"--columns: .* is not NAME=FOREIGN_NAME"):
        parse_pairs(text, "--columns")


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="at is named twice"):
        parse_pairs("at=x,at=y", "--columns")


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        ("train --data x --seed 3", "--data x train --seed 3"),
        ("--data x train", "--data x train"),
        ("train --data=x --debug", "--data=x --debug train"),
        (
            "import events f.csv --config c.toml --json",
            "--config c.toml import events f.csv --json",
        ),
        ("import events -- --data", "import events -- --data"),
        ("train --data", "train --data"),
        ("train --database x", "train --database x"),
        ("", ""),
    ],
)
def test_global_options_may_stand_anywhere(words: str, moved: str) -> None:
    assert globals_first(words.split()) == moved.split()
