"""What every music generator promises, by the same tests for all three."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from pydantic import SecretStr

from pipelines.supply.generators.folder import Folder, FolderConfig
from pipelines.supply.generators.mureka import Mureka, MurekaConfig
from pipelines.supply.generators.protocol import (
    Accepted,
    Delivered,
    MusicGenerator,
    Order,
    Pending,
)
from pipelines.supply.generators.synth import Synth
from tests.support.fake_mureka import KEY, fake_mureka, tone
from tests.support.supply import brief

BRIEF = brief(seconds=(4.0, 4.5))


class Subject:
    """A generator and what the world outside does to fulfil its orders."""

    def __init__(self, maker: MusicGenerator, folder: Path | None = None) -> None:
        self.maker = maker
        self._folder = folder
        self._fulfilled = 0

    def fulfil(self, order: Order) -> None:
        """Let a person do the work, where a person does."""
        if self._folder is not None:
            name = f"made-{self._fulfilled}"
            self._fulfilled += 1
            (self._folder / f"{name}.flac").write_bytes(tone(order.number))
            (self._folder / f"{name}.json").write_text(json.dumps({"order": order.key}))
            assert isinstance(self.maker, Folder)
            self.maker.take_in(now_ms=0)


@pytest.fixture(params=["synth", "mureka", "folder"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param == "synth":
        yield Subject(Synth())
    elif request.param == "mureka":
        with fake_mureka() as server:
            yield Subject(Mureka(MurekaConfig(base_url=server.url), SecretStr(KEY)))
    else:
        inbox = tmp_path / "inbox"
        inbox.mkdir()
        yield Subject(Folder(inbox, FolderConfig(inbox=str(inbox))), inbox)


def _order(number: int = 0) -> Order:
    return Order(f"b-{number:04d}", "b", number, BRIEF)


def _delivered(subject: Subject, order: Order) -> tuple[str, Delivered]:
    accepted = subject.maker.submit(order)
    assert isinstance(accepted, Accepted)
    subject.fulfil(order)
    answer = subject.maker.poll(order, accepted.external_id)
    assert isinstance(answer, Delivered)
    return accepted.external_id, answer


def test_it_says_what_it_can_make(subject: Subject) -> None:
    assert subject.maker.refuses(BRIEF) == ""
    assert subject.maker.limit_in_flight >= 1
    assert subject.maker.name in ("synth", "mureka", "folder")


def test_an_order_brings_as_many_tracks_as_it_says_numbered_from_nought(subject: Subject) -> None:
    _, answer = _delivered(subject, _order())
    assert len(answer.tracks) == subject.maker.tracks_an_order(BRIEF)
    assert [track.number for track in answer.tracks] == list(range(len(answer.tracks)))


def test_its_audio_sounds_and_its_suffix_is_true(subject: Subject, tmp_path: Path) -> None:
    _, answer = _delivered(subject, _order())
    for track in answer.tracks:
        path = tmp_path / f"track{track.suffix}"
        assert track.save(path) is None
        found = soundfile.info(path)
        assert found.duration >= 0.9
        assert found.format in {".ogg": "OGG", ".flac": "FLAC"}[track.suffix]


def test_provenance_is_json_and_names_a_model(subject: Subject) -> None:
    _, answer = _delivered(subject, _order())
    for track in answer.tracks:
        assert json.loads(json.dumps(dict(track.metadata))) == track.metadata
        assert track.model


def test_asking_changes_nothing(subject: Subject, tmp_path: Path) -> None:
    external_id, first = _delivered(subject, _order())
    again = subject.maker.poll(_order(), external_id)
    assert isinstance(again, Delivered)
    sounds = []
    for answer in (first, again):
        path = tmp_path / f"{len(sounds)}{answer.tracks[0].suffix}"
        assert answer.tracks[0].save(path) is None
        sounds.append(path.read_bytes())
        assert answer.tracks[0].metadata == first.tracks[0].metadata
    assert sounds[0] == sounds[1]


def test_sending_an_order_twice_makes_nothing_twice_where_it_says_so(subject: Subject) -> None:
    if not subject.maker.repeatable:
        return  # its orders are never sent twice; the tests of killed workers count them
    first, second = subject.maker.submit(_order()), subject.maker.submit(_order())
    assert first == second
    external_id, answer = _delivered(subject, _order())
    assert len(answer.tracks) == 1
    subject.maker.settle(_order(), external_id)
    if subject.maker.name == "folder":
        assert subject.maker.poll(_order(), external_id) == Pending()


def test_two_orders_are_two_tracks(subject: Subject, tmp_path: Path) -> None:
    sounds = set()
    for number in range(2):
        external_id, answer = _delivered(subject, _order(number))
        path = tmp_path / f"{number}{answer.tracks[0].suffix}"
        assert answer.tracks[0].save(path) is None
        sounds.add(path.read_bytes())
        subject.maker.settle(_order(number), external_id)
    assert len(sounds) == 2
