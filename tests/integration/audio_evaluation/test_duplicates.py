"""Copies that real codecs and filters make are found, and what is merged is judged by samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.duplicates import DuplicateConfig
from embeddings.vectors import TrackVectors
from pipelines.audio_evaluation.duplicates import DuplicatesReport, evaluate_duplicates
from pipelines.audio_evaluation.intervals import wilson
from pipelines.audio_evaluation.remixes import Remix
from pipelines.audio_evaluation.sameness import waveform_correlation
from pipelines.audio_evaluation.transformations import TRANSFORMATIONS
from pipelines.job import Silent
from tests.support.shared_data import shared_data
from tests.support.tunes import tune

PIECES = (1, 2, 5)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return three pieces; the first stands there twice, once softer, and remixed."""
    folder = tmp_path_factory.mktemp("recordings")
    paths = {str(number): folder / f"{number}.wav" for number in PIECES}
    for number in PIECES:
        soundfile.write(paths[str(number)], tune(number), SAMPLE_RATE_HZ, "FLOAT")
    paths["again"] = folder / "again.ogg"
    soundfile.write(paths["again"], tune(1) * np.float32(0.5), SAMPLE_RATE_HZ)
    paths["remix"] = folder / "remix.ogg"
    soundfile.write(paths["remix"], tune(1, kit="orchestra"), SAMPLE_RATE_HZ)
    paths["silence"] = folder / "silence.wav"
    soundfile.write(paths["silence"], np.zeros(SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    return paths


@pytest.fixture(scope="module")
def report(recordings: dict[str, Path]) -> DuplicatesReport:
    vectors = TrackVectors(("1", "again"), np.eye(2, dtype=np.float32)[[0, 0]])
    paths, names = list(recordings.values()), list(recordings)
    remixes = (Remix("remix", "1", "kit"), Remix("silence", "1", "take"))
    return evaluate_duplicates(paths, names, vectors, 3, Silent(), sampled=4, remixes=remixes)


def test_every_transformation_is_measured(report: DuplicatesReport) -> None:
    assert [each.transformation for each in report.transformations] == list(TRANSFORMATIONS)
    for each in report.transformations:
        assert each.tracks == 4
        assert each.missed == (), each.transformation
        assert each.recall == wilson(4, 4)


def test_what_cannot_be_heard_is_left_out(report: DuplicatesReport) -> None:
    assert (report.recordings, report.pairs) == (5, 10)


def test_a_pair_with_equal_samples_is_no_false_merge(report: DuplicatesReport) -> None:
    pair = report.merged[0]
    assert {pair.first, pair.second} == {"1", "again"}
    assert pair.waveform > 0.99
    assert pair.foreign is not None
    assert pair.foreign < DuplicateConfig().max_foreign
    assert not pair.is_remix
    assert pair.cosine == pytest.approx(1.0)
    assert (len(report.merged), report.same_recordings, report.false_merges) == (1, 1, 0)
    assert report.false_merge_rate.mean == 0.0
    assert 0 < report.false_merge_rate.high < 0.28


def test_remixes_that_can_be_heard_are_judged_in_all_and_by_kind(report: DuplicatesReport) -> None:
    assert [(each.kind, each.pairs, each.merged) for each in report.remixes] == [
        ("all", 1, ()),
        ("kit", 1, ()),
    ]
    assert report.remixes[0].apart == wilson(1, 1)


def test_a_remix_that_is_merged_is_a_false_merge_whatever_its_samples(
    recordings: dict[str, Path],
) -> None:
    names = ["1", "again"]
    report = evaluate_duplicates(
        [recordings[name] for name in names],
        names,
        None,
        3,
        Silent(),
        sampled=1,
        remixes=(Remix("again", "1"),),
        transformations={},
    )
    assert [pair.is_remix for pair in report.merged] == [True]
    assert (report.same_recordings, report.false_merges) == (0, 1)
    assert [(each.kind, each.merged) for each in report.remixes] == [("all", ("again",))]
    assert report.remixes[0].apart.mean == 0.0


def test_the_same_seed_gives_the_same_report(
    recordings: dict[str, Path], report: DuplicatesReport
) -> None:
    few = {name: TRANSFORMATIONS[name] for name in ("noise", "trim")}
    paths, names = list(recordings.values()), list(recordings)
    again = [
        evaluate_duplicates(paths, names, None, 3, Silent(), sampled=2, transformations=few)
        for _ in range(2)
    ]
    assert again[0] == again[1]
    assert [each.tracks for each in again[0].transformations] == [2, 2]
    assert again[0].merged[0].cosine is None


def test_another_take_of_one_score_has_other_samples() -> None:
    """The judge tells a copy from what sounds alike, so it may judge what was merged."""
    own = tune(1)
    shifted = own[2000:] * np.float32(0.4)
    assert waveform_correlation(own, shifted) == pytest.approx(1.0, abs=0.01)
    assert waveform_correlation(own, tune(1, lead="flute")) < 0.9
    assert waveform_correlation(own, tune(2)) < 0.5
    assert waveform_correlation(own, np.zeros(50_000, dtype=np.float32)) == 0.0


def test_real_recordings_are_told_apart_and_their_copies_known() -> None:
    """A sample of what `segue evaluate audio` measures on all of them."""
    paths = sorted(shared_data("audio").glob("*.ogg"))[::24]
    report = evaluate_duplicates(paths, [p.stem for p in paths], None, 1, Silent(), sampled=3)
    assert report.false_merges == 0
    for each in report.transformations:
        assert each.missed == (), each.transformation
