"""Tags that listeners gave, as tags of tracks."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from ranking.catalogue import Catalogue
