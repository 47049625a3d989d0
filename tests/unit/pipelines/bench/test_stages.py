"""Rounds: every stage as often as every other, in turn, the first round uncounted."""

from __future__ import annotations

from pipelines.bench.stages import time_rounds


def test_stages_take_turns_and_the_first_round_is_not_counted():
    ran: list[str] = []
    told: list[tuple[int, int]] = []
    stages = {name: lambda name=name: ran.append(name) for name in ("a", "b")}
    seconds = time_rounds(stages, 3, lambda *at: told.append(at))
    assert ran == ["a", "b"] * 4
    assert told == [(at + 1, 8) for at in range(8)]
    assert {name: values.shape for name, values in seconds.items()} == {"a": (3,), "b": (3,)}
    assert all((values >= 0).all() for values in seconds.values())
