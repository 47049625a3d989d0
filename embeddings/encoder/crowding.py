"""One coordinate that says how far from the crowd a crop stands, so that no track is near to all.

In many dimensions some tracks are near neighbours of very many others, and would stand in
everybody's results. A track's nearness to the crowd is taken away from its cosines.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MEMBERS = 512  # of the crowd; tracks of the training, evenly drawn
NEAREST = 5
WEIGHT = 0.5  # of nearness, when it is taken away from a cosine
FARTHEST = 0.95  # of the coordinate: a crop that resembles nothing still has a direction


class Crowding(nn.Module):
    """Appends the coordinate h = √WEIGHT (1 - r) and shortens the rest so that rows stay unit.

    r is the mean cosine with the nearest members of the crowd, but the nearest of all, which for a
    track of the training is the track itself. The product of two such coordinates is
    WEIGHT (1 - r - r' + r r'): up to the last term, nearness is subtracted on both sides.

    Args:
        dim: Of the rows.

    Source:
        Hubs in music similarity and their removal by local scaling after Schnitzer, Flexer, Schedl
        and Widmer, "Local and Global Scaling Reduce Hubs in Space", 2012; nearness subtracted on
        both sides after Conneau et al., "Word Translation Without Parallel Data", 2018 (CSLS).
    """

    crowd: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("crowd", torch.zeros(MEMBERS, dim))

    def forward(self, rows: Tensor) -> Tensor:
        """Return (b, dim + 1) unit rows of (b, dim) unit rows."""
        nearest = torch.topk(rows @ self.crowd.T, NEAREST + 1, dim=1).values[:, 1:]
        apart = (math.sqrt(WEIGHT) * (1 - nearest.mean(1, keepdim=True))).clamp(0, FARTHEST)
        return torch.cat([rows * torch.sqrt(1 - apart**2), apart], dim=1)

    def gather(self, tracks: Tensor) -> None:
        """Take the crowd from (n, dim) unit rows of tracks; few tracks leave places empty."""
        count = min(MEMBERS, len(tracks))
        chosen = torch.arange(count, device=tracks.device) * len(tracks) // max(count, 1)
        self.crowd.zero_()  # an empty place is near to nothing
        self.crowd[:count] = tracks[chosen]
