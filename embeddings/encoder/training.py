"""Training the audio encoder: what is fitted in closed form, then the convolution by gradients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import DataError
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.crops import TrackCrops
from embeddings.audio.spectrogram import N_MELS
from embeddings.encoder.augmentation import augmented
from embeddings.encoder.checkpoint import Checkpoint, State, training_identity
from embeddings.encoder.closed_form import fit_closed_form, gather_crowd
from embeddings.encoder.log import Epoch, TrainingLog
from embeddings.encoder.network import AudioEncoder, EncoderNetwork
from embeddings.encoder.objectives import Supervision, Views, build_objectives

MAX_HELD_OUT = 256  # tracks; more cost time and change nothing
LOSSY_SHARE = 0.5  # of the draws of a track that was also heard through a codec
Told = Callable[[int, int], None]
Rows = NDArray[np.int64]


def train_encoder(
    crops: TrackCrops,
    config: EncoderConfig,
    seed: int,
    progress: Told | None = None,
    *,
    supervision: Supervision | None = None,
    checkpoint: Path | None = None,
) -> AudioEncoder:
    """Train an encoder on a catalogue's own recordings.

    Args:
        crops: Of at least two tracks, see `read_track_crops`.
        config: Sizes, objectives and length of the training.
        seed: The same seed, crops and machine give the same weights on the CPU, whether or not
            the training was interrupted.
        progress: Called with (steps done, steps in all); an early stop is told as done.
        supervision: What is known of the tracks besides their sound.
        checkpoint: A file that holds the state after each epoch; a training that finds its own
            state there goes on from it.

    Returns:
        The encoder after its best epoch, with its log; on a GPU if there is one.

    Raises:
        DataError: If there are fewer than two tracks, or the crops are cut otherwise.
    """
    _check(crops, config)
    known = supervision or Supervision()
    run = _Run(crops, config, seed, known)
    kept = Checkpoint(checkpoint, training_identity(crops, config, known, seed))
    state = kept.load()
    if state is None:
        fit_closed_form(run.network, crops, config, seed)
        run.begin()
    else:
        run.resume(state)
    total = config.epochs * config.epoch_steps
    while run.goes_on:
        run.epoch(progress)
        kept.save(run.state())
    if progress is not None:
        progress(total, total)
    return run.result()


class _Run:
    """The gradient part of a training, between two epochs."""

    def __init__(
        self, crops: TrackCrops, config: EncoderConfig, seed: int, supervision: Supervision
    ) -> None:
        self._crops, self._config, self._seed = crops, config, seed
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._held, self._rows = _held_out(len(crops.track_ids), config, seed)
        # Weights are drawn from torch's global generator, which is put back afterwards.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = EncoderNetwork(config)
            built = build_objectives(
                config.objectives, supervision.of(self._rows), config.learned_dim
            )
        self._weights = {name: weight for name, (weight, _) in built.items()}
        self._objectives = nn.ModuleDict({name: part for name, (_, part) in built.items()})
        self._lossy = dict(zip(crops.lossy_rows.tolist(), crops.lossy, strict=True))
        self.log = TrainingLog()
        self._best: State = {}

    def begin(self) -> None:
        """Lay the network, its objectives and the optimiser ready."""
        config = self._config
        self.network.to(self._device)
        self._objectives.to(self._device)
        trained = [*self.network.trained_parts().parameters(), *self._objectives.parameters()]
        self._optimiser = torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=1e-2)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser,
            max_lr=config.learning_rate,
            total_steps=config.epochs * config.epoch_steps + 1,
        )

    @property
    def goes_on(self) -> bool:
        """Whether another epoch is due."""
        something = bool(self._weights) and len(self._rows) > 1
        unfinished = len(self.log.epochs) < self._config.epochs and not self.log.stopped_early
        return something and unfinished

    def epoch(self, progress: Told | None) -> None:
        """Take an epoch's steps, then measure retrieval on the held-out tracks."""
        config, number = self._config, len(self.log.epochs)
        # Draws depend on the epoch alone: a resumed training repeats none and skips none.
        rng = np.random.default_rng([self._seed, number])
        noise = torch.Generator().manual_seed(int(rng.integers(2**63 - 1)))
        losses: dict[str, float] = defaultdict(float)
        self.network.train()
        for step in range(config.epoch_steps):
            for name, value in self._step(rng, noise).items():
                losses[name] += value / config.epoch_steps
            if progress is not None:
                progress(number * config.epoch_steps + step + 1, config.epochs * config.epoch_steps)
        epoch = Epoch(losses=dict(losses), retrieval=self._retrieval())
        self.log = self.log.with_epoch(epoch, config.patience)
        if self.log.kept == len(self.log.epochs):
            self._best = deepcopy(self.network.state_dict())

    def state(self) -> State:
        """Return all that the next epoch depends on."""
        return {
            "network": self.network.state_dict(),
            "objectives": self._objectives.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "best": self._best,
            "log": self.log.model_dump_json(),
        }

    def resume(self, state: State) -> None:
        """Go back to a state."""
        self.network.load_state_dict(state["network"])
        self._objectives.load_state_dict(state["objectives"])
        self.begin()
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self._best = state["best"]
        self.log = TrainingLog.model_validate_json(state["log"])

    def result(self) -> AudioEncoder:
        """Return the encoder after its best epoch."""
        if self._best:
            self.network.load_state_dict(self._best)
        gather_crowd(self.network.eval(), self._crops.values)
        return AudioEncoder(self._config, self.network, self.log)

    def _step(self, rng: np.random.Generator, noise: torch.Generator) -> Mapping[str, float]:
        tracks = rng.choice(len(self._rows), min(self._config.batch_tracks, len(self._rows)), False)
        windows = self._windows(self._rows[tracks], rng)
        normalised = self.network.normalised(windows.to(self._device))
        changed = augmented(normalised.cpu(), noise).to(self._device)
        first, second = self.network.learned(changed).chunk(2)
        views = Views(first, second, torch.from_numpy(tracks).to(self._device))
        losses = {name: objective(views) for name, objective in self._objectives.items()}
        weighted = [self._weights[name] * loss for name, loss in losses.items()]
        self._optimiser.zero_grad()
        torch.stack(weighted).sum().backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _windows(self, rows: Rows, rng: np.random.Generator) -> Tensor:
        """Draw two windows, from different crops, of each of some tracks: first all, then all."""
        config, size = self._config, len(rows)
        first = rng.integers(0, config.n_crops, size)
        second = (first + rng.integers(1, config.n_crops, size)) % config.n_crops
        starts = rng.integers(0, config.crop_frames - config.window_frames + 1, 2 * size)
        through_codec = rng.random(2 * size) < LOSSY_SHARE
        through_codec[:size] = False  # one of the two at most
        windows = np.empty((2 * size, config.window_frames, N_MELS), dtype=np.float32)
        chosen = zip(np.tile(rows, 2), np.concatenate([first, second]), starts, strict=True)
        for place, (row, crop, start) in enumerate(chosen):
            lossy = self._lossy.get(int(row)) if through_codec[place] else None
            heard = self._crops.values[row, crop] if lossy is None else lossy
            windows[place] = heard[start : start + config.window_frames]
        return torch.from_numpy(windows)

    def _retrieval(self) -> float | None:
        """Return how well held-out tracks' halves find each other by the learned part."""
        if not self._held.size:
            return None
        self.network.eval()
        parts = []
        with torch.inference_mode():
            for row in self._held:
                block = torch.from_numpy(self._crops.values[row].astype(np.float32))
                normalised = self.network.normalised(block.to(self._device))
                parts.append(self.network.learned(normalised).cpu().numpy())
        return crop_retrieval(np.stack(parts))


def crop_retrieval(crops: NDArray[np.floating]) -> float:
    """Return how well the crops of a track find each other among those of all tracks.

    Args:
        crops: (n_tracks, n_crops, dim) unit rows, at least two crops a track.

    Returns:
        The mean average precision, in (0, 1], each crop searching for the others of its track.
    """
    n, n_crops, dim = crops.shape
    flat = crops.reshape(-1, dim)
    similarity = flat @ flat.T
    np.fill_diagonal(similarity, np.inf)  # a crop finds itself first, and that does not count
    order = np.argsort(-similarity, axis=1, kind="stable")[:, 1:]
    tracks = np.repeat(np.arange(n), n_crops)
    hits = tracks[order] == tracks[:, None]
    ranks = np.arange(1, hits.shape[1] + 1)
    precision = np.cumsum(hits, axis=1) / ranks
    return float((precision * hits).sum(axis=1).mean() / (n_crops - 1))


def _held_out(n: int, config: EncoderConfig, seed: int) -> tuple[Rows, Rows]:
    """Return the rows retrieval is measured on, and those that are trained on."""
    count = min(round(config.held_out_share * n), MAX_HELD_OUT)
    order = np.random.default_rng([seed, n]).permutation(n)
    count = count if count > 1 and n - count > 1 else 0
    return np.sort(order[:count]), np.sort(order[count:])


def _check(crops: TrackCrops, config: EncoderConfig) -> None:
    wanted = (config.n_crops, config.crop_frames, N_MELS)
    shape = crops.values.shape
    if len(shape) != 4 or shape[1:] != wanted or shape[0] < 2:
        raise DataError(
            f"crops have shape {shape}; training needs at least 2 tracks of shape {wanted}"
        )
