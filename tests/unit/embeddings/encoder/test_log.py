"""Which epoch is kept, and when training has gone on long enough."""

from __future__ import annotations

from embeddings.encoder.log import Epoch, TrainingLog


def after(*retrieval: float | None, patience: int = 2) -> TrainingLog:
    log = TrainingLog()
    for value in retrieval:
        log = log.with_epoch(Epoch(losses={}, retrieval=value), patience)
    return log


def test_the_first_best_epoch_is_kept():
    assert after(0.2, 0.5, 0.4).kept == 2
    assert after(0.2, 0.5, 0.5).kept == 2
    assert after(0.2, 0.5, 0.5).kept_retrieval == 0.5


def test_training_ends_after_patience_without_a_better_epoch():
    assert not after(0.5, 0.4).stopped_early
    assert after(0.5, 0.4, 0.4).stopped_early
    assert not after(0.5, 0.4, 0.6).stopped_early


def test_without_held_out_tracks_the_last_epoch_is_kept():
    log = after(None, None, None)
    assert (log.kept, log.stopped_early, log.kept_retrieval) == (3, False, None)
    assert TrainingLog().kept_retrieval is None
