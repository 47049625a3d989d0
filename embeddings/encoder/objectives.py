"""What the convolution learns: crops of a track belong together, tags, and who listens to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from embeddings.audio.configuration import ObjectivesConfig

_SHARPNESS = 10.0  # unit rows span cosines; logits of tags need a wider range


class Views(NamedTuple):
    """Two changed windows of each track of a batch.

    Attributes:
        first: (b, dim) unit rows.
        second: (b, dim) unit rows; row i is of the same track as row i of `first`.
        tracks: (b,) int64 rows of the training tracks.
    """

    first: Tensor
    second: Tensor
    tracks: Tensor


def _nothing() -> NDArray[np.float32]:
    return np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Supervision:
    """What is known of the training tracks besides their sound; empty where nothing is.

    Attributes:
        tags: (n_tracks, n_tags) 0 or 1.
        factors: (n_tracks, k) ALS factors; zero rows where a track has no plays.
    """

    tags: NDArray[np.float32] = field(default_factory=_nothing)
    factors: NDArray[np.float32] = field(default_factory=_nothing)

    def of(self, rows: NDArray[np.int64]) -> Supervision:
        """Return what is known of some of the tracks."""
        return Supervision(
            *(known[rows] if known.size else known for known in (self.tags, self.factors))
        )


class Contrastive(nn.Module):
    """The other view of the same track is found among those of all tracks."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, views: Views) -> Tensor:
        """Return the mean loss."""
        return nt_xent(views.first, views.second, self.temperature)


class Tags(nn.Module):
    """A track's tags can be read off either view, each tag by its own line.

    Args:
        tags: (n_tracks, n_tags) 0 or 1.
        dim: Of the views.
    """

    known: Tensor

    def __init__(self, tags: NDArray[np.float32], dim: int) -> None:
        super().__init__()
        self.register_buffer("known", torch.from_numpy(tags), persistent=False)
        self.lines = nn.Linear(dim, tags.shape[1])

    def forward(self, views: Views) -> Tensor:
        """Return the mean loss."""
        wanted = self.known[views.tracks].repeat(2, 1)
        found = self.lines(_SHARPNESS * torch.cat([views.first, views.second]))
        return functional.binary_cross_entropy_with_logits(found, wanted)


class Alignment(nn.Module):
    """A track's own factor is found among those of the batch, by direction.

    Args:
        factors: (n_tracks, k); tracks with a zero row take no part.
        dim: Of the views.
        temperature: Of the softmax.

    Source:
        Contrastive alignment of two modalities after Radford et al., "Learning Transferable Visual
        Models From Natural Language Supervision", 2021; of audio with listening, after van den
        Oord, Dieleman and Schrauwen, "Deep Content-Based Music Recommendation", 2013.
    """

    factors: Tensor

    def __init__(self, factors: NDArray[np.float32], dim: int, temperature: float) -> None:
        super().__init__()
        self.register_buffer("factors", torch.from_numpy(factors), persistent=False)
        self.bridge = nn.Linear(dim, factors.shape[1], bias=False)
        self.temperature = temperature

    def forward(self, views: Views) -> Tensor:
        """Return the mean loss; 0 where fewer than two tracks of the batch have factors."""
        factors = self.factors[views.tracks]
        known = factors.abs().sum(1) > 0
        if int(known.sum()) < 2:
            return views.first.sum() * 0.0
        wanted = functional.normalize(factors[known], dim=1)
        own = torch.arange(len(wanted), device=wanted.device)
        losses = [
            functional.cross_entropy(
                functional.normalize(self.bridge(view[known]), dim=1) @ wanted.T / self.temperature,
                own,
            )
            for view in (views.first, views.second)
        ]
        return (losses[0] + losses[1]) / 2


def build_objectives(
    config: ObjectivesConfig, supervision: Supervision, dim: int
) -> Mapping[str, tuple[float, nn.Module]]:
    """Return name → (weight, objective) of those that are on and have something to learn from.

    Args:
        config: Weights; 0 is off.
        supervision: Of the tracks that are trained on.
        dim: Of the learned part.
    """
    frequent = supervision.tags.sum(axis=0) >= config.min_tag_tracks
    tags = supervision.tags[:, frequent] if supervision.tags.size else supervision.tags
    built: dict[str, tuple[float, nn.Module]] = {}
    if config.contrastive:
        built["contrastive"] = (config.contrastive, Contrastive(config.temperature))
    if config.tags and tags.size:
        built["tags"] = (config.tags, Tags(tags, dim))
    if config.alignment and supervision.factors.any():
        aligned = Alignment(supervision.factors, dim, config.temperature)
        built["alignment"] = (config.alignment, aligned)
    return built


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return the contrastive loss of two views of the same tracks.

    Args:
        first: (b, dim) unit rows.
        second: (b, dim) unit rows; row i is another view of the same track.
        temperature: Softmax temperature, above 0.

    Returns:
        The mean cross-entropy of finding the other view among 2b - 1 rows.

    Source:
        Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020,
        equation 1; for music, Spijkervet and Burgoyne, "Contrastive Learning of Musical
        Representations", 2021.
    """
    n = len(first)
    rows = torch.cat([first, second])
    itself = torch.eye(2 * n, dtype=torch.bool, device=rows.device)
    logits = (rows @ rows.T / temperature).masked_fill(itself, -torch.inf)
    other = torch.arange(2 * n, device=rows.device).roll(n)
    return functional.cross_entropy(logits, other)
