"""Each check by itself: what it lets pass, what fails, and that it names value and limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embeddings.measures.key import KEY_NAMES, Key
from embeddings.measures.recording import Measures
from embeddings.measures.silence import Silence
from embeddings.measures.tempo import GRID_BPM, Tempo
from embeddings.vectors import TrackVectors, unit_rows
from pipelines.supply.gate.appeal import fallback
from pipelines.supply.gate.checklist import failed_checks
from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.evidence import Evidence
from pipelines.supply.gate.likeness import Likeness, likeness, reference_vector
from ranking.supply.brief import Brief

CONFIG = GateConfig()


def key_named(name: str) -> Key:
    fits = np.full(24, 0.2)
    fits[KEY_NAMES.index(name)] = 0.9
    return Key(fits)


GOOD = Measures(
    duration_s=30.0,
    lufs=-16.0,
    true_peak_db=-1.0,
    clipped_share=0.0,
    silence=Silence(0.0, 1.0, 0.5, 0.05),
    tempo=Tempo(120.0, 0.5, np.where(np.abs(GRID_BPM / 120 - 1) < 0.02, 0.8, 0.1)),
    key=key_named("A minor"),
    energy=0.5,
    brightness=0.5,
)
BRIEF = Brief(
    title="x", prompt="x", deadline_ms=0, tempo_bpm=121.0, key="A minor", language="instrumental"
)
EVIDENCE = Evidence(
    GOOD, "instrumental", BRIEF, (), Likeness(0.8, 0.95), fallback(0.2, "catalogue"), 0.2
)


def measured(**changes: Any) -> Evidence:
    return replace(EVIDENCE, measures=replace(GOOD, **changes))


def asked(**changes: Any) -> Evidence:
    return replace(EVIDENCE, brief=BRIEF.model_copy(update=changes))


def test_a_good_track_fails_nothing_with_a_brief_and_without():
    assert failed_checks(EVIDENCE, CONFIG) == ()
    assert failed_checks(replace(EVIDENCE, brief=None, likeness=None), CONFIG) == ()


@pytest.mark.parametrize(("evidence", "code", "value", "limit"), [
    (measured(duration_s=12.0), "too_short", "12.0 s", "20 s"),
    (measured(duration_s=75.0), "too_long", "75.0 s", "60 s"),
    (measured(silence=Silence(2.5, 0.0, 0.0, 0.1)), "silence", "2.5 s", "2 s"),
    (measured(silence=Silence(0.0, 5.0, 0.0, 0.1)), "silence", "5.0 s", "4 s"),
    (measured(silence=Silence(0.0, 0.0, 4.5, 0.1)), "silence", "4.5 s", "4 s"),
    (measured(silence=Silence(0.0, 0.0, 0.0, 0.4)), "silence", "40%", "30%"),
    (measured(clipped_share=0.02), "clipped", "2.00%", "1.00%"),
    (measured(lufs=-50.0), "too_quiet", "-50.0 LUFS", "-45 LUFS"),
    (replace(EVIDENCE, copies=("t1", "t2")), "copy", "track t1 and 1 more", "0 may"),
    (replace(EVIDENCE, likeness=Likeness(0.1, 0.4)), "off_brief", "40%", "80%"),
    (asked(tempo_bpm=100.0), "tempo", "120 bpm", "100 bpm"),
    (asked(key="C major"), "key", "A minor", "C major"),
    (asked(language="de"), "language", "instrumental", "de"),
    (replace(EVIDENCE, usual_rate=2.0), "appeal", "0.200", "1.000"),
])  # fmt: skip
def test_what_fails_one_check_fails_only_that_and_is_told_value_and_limit(
    evidence, code, value, limit
):
    (reason,) = failed_checks(evidence, CONFIG)
    assert reason.code == code
    assert value in reason.text
    assert limit in reason.text


def test_what_nobody_asked_for_is_not_checked():
    free = asked(tempo_bpm=None, key=None)
    other = replace(free, measures=replace(GOOD, key=key_named("F major")), language=None)
    assert failed_checks(other, CONFIG) == ()


def test_a_codec_may_add_a_moment_to_the_length():
    assert failed_checks(measured(duration_s=60.9), CONFIG) == ()
    assert failed_checks(measured(duration_s=19.1), CONFIG) == ()


def test_without_a_brief_the_settings_say_how_long():
    evidence = replace(measured(duration_s=300.0), brief=None)
    assert failed_checks(evidence, CONFIG) == ()


def test_measurements_are_plain_json_and_hold_no_nan():
    nothing = replace(EVIDENCE, measures=replace(GOOD, tempo=Tempo(np.nan, 0.0, GRID_BPM * 0)))
    told = nothing.measurements()
    assert told["tempo_bpm"] is None
    assert told["silence"]["trailing_s"] == 1.0
    assert told["likeness"] == {"cosine": 0.8, "nearer_than": 0.95}


def test_likeness_is_the_share_of_the_catalogue_that_lies_farther():
    others = unit_rows(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 0.0]]))
    reference = np.array([1.0, 0.0], dtype=np.float32)
    track = unit_rows(np.array([[2.0, 1.0]]))[0]
    found = likeness(track, reference, others)
    assert found.cosine == pytest.approx(2 / np.sqrt(5))
    assert found.nearer_than == 0.75


def test_a_reference_of_another_encoder_gives_way_to_the_tracks_it_named():
    known = TrackVectors(("a", "b"), np.eye(2, dtype=np.float32))
    own = np.array([3.0, 4.0], dtype=np.float32)
    np.testing.assert_allclose(reference_vector(own, ("a",), known), [0.6, 0.8], rtol=1e-6)
    stale = np.ones(5, dtype=np.float32)
    np.testing.assert_allclose(reference_vector(stale, ("b",), known), [0.0, 1.0])
    assert reference_vector(stale, ("gone",), known) is None
    assert reference_vector(np.zeros(0, dtype=np.float32), (), known) is None
