"""Scores against the attributes they were written from."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import DataError
from pipelines.music.accompaniment import bass_root
from pipelines.music.attributes import TrackAttributes
from pipelines.music.composer import compose
from pipelines.music.form import plan_piece, section_names
from pipelines.music.groove import GROOVES
from pipelines.music.harmony import SCALES
from pipelines.music.instruments import TIMBRES
from pipelines.music.percussion import KITS
from pipelines.music.score import DRUMS, PARTS
from pipelines.music.style import STYLES, sample_attributes

PLAIN = TrackAttributes(
    style="synthwave", tempo_bpm=120.0, key=0, mode="major", progression="I-V-vi-IV", rhythm="neon",
    lead="supersaw", pad="warm pad", bass="synth bass", kit="machine", energy=0.7, brightness=0.5,
    duration_s=20.0, seed=1,
)  # fmt: skip


def drawn(style: str, seed: int) -> TrackAttributes:
    return sample_attributes(style, np.random.default_rng(seed))


@pytest.mark.parametrize("style", STYLES)
def test_every_name_of_a_style_exists(style):
    of = STYLES[style]
    assert set(of.rhythms) <= set(GROOVES)
    assert {*of.leads, *of.pads, *of.basses} <= set(TIMBRES)
    assert set(of.kits) <= set(KITS)


@pytest.mark.parametrize("name", GROOVES)
def test_every_line_of_a_groove_fills_its_bar(name):
    groove = GROOVES[name]
    lines = [groove.chords, groove.bass, *groove.drums.values()]
    assert {len(line) for line in lines} == {groove.steps}
    assert set(groove.drums) <= set(DRUMS)


@pytest.mark.parametrize("style", STYLES)
def test_a_score_lies_within_its_duration(style):
    attributes = drawn(style, 3)
    score = compose(attributes)
    for start_s in (score.notes.start_s, score.hits.start_s):
        assert start_s.min() >= 0
        assert start_s.max() < attributes.duration_s
        assert (np.diff(start_s) >= 0).all()
    assert (score.notes.duration_s > 0).all()
    assert score.notes.velocity.min() > 0
    assert score.notes.velocity.max() <= 1
    assert set(score.notes.part) == set(range(len(PARTS)))


@pytest.mark.parametrize("style", STYLES)
def test_equal_attributes_give_an_equal_score_and_another_seed_another_melody(style):
    attributes = drawn(style, 4)
    first, again = compose(attributes), compose(attributes)
    other = compose(replace(attributes, seed=attributes.seed + 1))
    np.testing.assert_array_equal(first.notes.start_s, again.notes.start_s)
    np.testing.assert_array_equal(first.notes.pitch, again.notes.pitch)
    np.testing.assert_array_equal(first.hits.start_s, again.hits.start_s)
    lead = [score.notes.pitch[score.notes.part == 0].tolist() for score in (first, other)]
    assert lead[0] != lead[1]


@pytest.mark.parametrize("key", range(12))
def test_a_plain_major_piece_stays_in_its_scale_and_ends_at_home(key):
    score = compose(replace(PLAIN, key=key))
    allowed = {(key + step) % 12 for step in SCALES["major"]}
    assert {int(pitch) % 12 for pitch in score.notes.pitch} <= allowed
    last = score.notes.start_s == score.notes.start_s.max()
    assert {int(pitch) % 12 for pitch in score.notes.pitch[last]} == {
        key,
        (key + 4) % 12,
        (key + 7) % 12,
    }


def test_the_bass_plays_the_root_wherever_the_chord_changes():
    score, plan = compose(PLAIN), plan_piece(PLAIN)
    bass = score.notes.part == PARTS.index("bass")
    for span in plan.spans:
        sounding = bass & np.isclose(score.notes.start_s, plan.time_of(span.start))
        assert score.notes.pitch[sounding].tolist() == [bass_root(span.chord)]


def test_kicks_of_a_straight_groove_fall_on_the_beats():
    score = compose(PLAIN)
    kicks_s = score.hits.start_s[score.hits.drum == DRUMS.index("kick")]
    beats = kicks_s * PLAIN.tempo_bpm / 60.0
    np.testing.assert_allclose(beats, np.round(beats), atol=1e-9)  # synthwave is not loose in time
    assert kicks_s.size > 20


def test_swing_delays_only_the_second_of_each_pair():
    groove = GROOVES["ride-swing"]
    assert [groove.beat_of(step) for step in (0, 4, 8)] == [0.0, 1.0, 2.0]
    assert groove.beat_of(2) == pytest.approx(0.65)


def test_energy_makes_a_piece_denser():
    calm, wild = (compose(replace(PLAIN, energy=energy)) for energy in (0.05, 0.95))
    assert wild.hits.drum.size > calm.hits.drum.size
    assert (wild.notes.part == 0).sum() > (calm.notes.part == 0).sum()


def test_a_chorus_hits_harder_than_the_intro():
    plan = plan_piece(replace(PLAIN, duration_s=60.0))
    intensity = {bar.section: bar.intensity for bar in plan.bars}
    assert intensity["intro"] < intensity["verse"] < intensity["chorus"]
    assert [bar.index for bar in plan.bars] == list(range(len(plan.bars)))
    assert plan.tail_s < 60.0 - 0.6 + 1e-9


@pytest.mark.parametrize("n_sections", range(1, 30))
def test_every_form_has_its_number_of_sections_and_a_chorus(n_sections):
    names = section_names(n_sections)
    assert len(names) == n_sections
    assert "chorus" in names


@pytest.mark.parametrize("duration_s", [4.0, 11.7, 60.0])
@pytest.mark.parametrize("rhythm", GROOVES)
def test_every_groove_works_at_every_length(rhythm, duration_s):
    score = compose(replace(PLAIN, rhythm=rhythm, duration_s=duration_s, tempo_bpm=66.0))
    assert score.notes.pitch.size > 3


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tempo_bpm", 20.0, "tempo_bpm is 20.0"),
        ("key", 12, "key is 12"),
        ("mode", "dorian", "mode is 'dorian'"),
        ("energy", 1.5, "energy is 1.5"),
        ("energy", float("nan"), "energy is nan"),
        ("style", "polka", "style 'polka' is unknown"),
        ("rhythm", "reel", "rhythm 'reel' is unknown"),
        ("lead", "kazoo", "instrument 'kazoo' is unknown"),
        ("bass", "tuba", "instrument 'tuba' is unknown"),
        ("kit", "spoons", "kit 'spoons' is unknown"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(field, value, words):
    with pytest.raises(DataError, match=words):
        compose(replace(PLAIN, **{field: value}))


def test_attributes_overlap_between_styles_and_spread_within_one():
    folk, jazz = ([drawn(style, seed) for seed in range(200)] for style in ("folk", "jazz"))
    assert max(t.tempo_bpm for t in folk) > np.mean([t.tempo_bpm for t in jazz]) - 5
    for tracks in (folk, jazz):
        assert 0.12 < np.std([t.energy for t in tracks]) < 0.25
        assert {t.key for t in tracks} == set(range(12))
        assert {t.mode for t in tracks} == {"major", "minor"}
