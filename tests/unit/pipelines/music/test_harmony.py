"""Chords against their spelling, and voicings against the promise to move little."""

from itertools import pairwise

import pytest

from core.errors import DataError
from pipelines.music.harmony import lead_voices, read_progression, scale_pitches


def test_numerals_spell_the_chords_of_c_major():
    chords = read_progression("I-ii-iii-IV-V-vi-viio", 0, "major")
    spelled = [set(chord.pitch_classes) for chord in chords]
    assert spelled == [
        {0, 4, 7}, {2, 5, 9}, {4, 7, 11}, {5, 9, 0}, {7, 11, 2}, {9, 0, 4}, {11, 2, 5},
    ]  # fmt: skip


def test_minor_keys_take_roots_from_the_natural_scale():
    chords = read_progression("i-VI-VII-V", 9, "minor")
    assert [chord.pitch_classes for chord in chords] == [
        (9, 0, 4), (5, 9, 0), (7, 11, 2), (4, 8, 11),
    ]  # fmt: skip


@pytest.mark.parametrize(("numeral", "top"), [("I", 11), ("IV", 11), ("V", 10), ("ii", 10)])
def test_sevenths_are_major_except_on_the_dominant_and_minor_chords(numeral, top):
    assert read_progression(numeral, 0, "major", "seventh")[0].intervals[-1] == top


def test_a_flat_lowers_the_root():
    assert read_progression("bVII", 0, "major")[0].root == 10


@pytest.mark.parametrize("text", ["I-XII", "", "I--V", "C-F-G"])
def test_an_unreadable_chord_is_named(text):
    with pytest.raises(DataError, match="not a roman numeral"):
        read_progression(text, 0, "major")


@pytest.mark.parametrize("key", range(12))
def test_voices_move_less_than_root_positions_would(key):
    chords = read_progression("I-V-vi-IV-ii-V-I", key, "major")
    voiced = lead_voices(chords, 60)
    for chord, pitches in zip(chords, voiced, strict=True):
        assert {pitch % 12 for pitch in pitches} == set(chord.pitch_classes)
        assert abs(sum(pitches) / 3 - 60) < 9
    for before, after in pairwise(voiced):
        # parallel root positions move 15 semitones or more for a fourth or a fifth
        assert sum(abs(a - b) for a, b in zip(before, after, strict=True)) <= 7


def test_scales_are_cut_at_both_ends():
    assert scale_pitches(0, "major", 60, 72) == [60, 62, 64, 65, 67, 69, 71, 72]
