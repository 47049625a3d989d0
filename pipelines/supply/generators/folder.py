"""An inbox as a generator: people and tools lay recordings there, with or without an order."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import AudioDecodeError
from core.events import ExternalId
from core.ids import new_id
from pipelines.importers.recordings import SUFFIXES, read_recording
from pipelines.supply.generators.protocol import (
    Accepted,
    Delivered,
    DeliveredTrack,
    Failed,
    Order,
    Pending,
)
from ranking.supply.brief import Brief

NAME = "folder"
ORDERS, CLAIMED, REJECTED = "orders", "claimed", "rejected"
SIDECAR = ".json"
REASON_FILE = "reason.txt"
MAX_SIDECAR_BYTES = 1_000_000
PAIRED = "-paired"


class FolderConfig(BaseModel):
    """The inbox."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inbox: str = ""
    """The folder; empty leaves this generator out."""
    stable_s: float = Field(default=30.0, ge=0, le=86_400)
    """A recording without a sidecar is complete when it has not changed for so long."""
    limit_in_flight: int = Field(default=100, ge=1, le=100_000)
    """Most orders that lie in the folder at once."""


class Sidecar(BaseModel):
    """What a JSON file beside a recording may say of it; every field may be left out."""

    model_config = ConfigDict(frozen=True, extra="allow")

    order: str | None = None
    brief_id: ExternalId | None = None
    title: str | None = Field(default=None, max_length=500)
    artist: str | None = Field(default=None, max_length=500)
    creator_id: ExternalId | None = None
    album: str | None = None
    genre: str | None = None
    origin: Literal["human", "generated", "assisted"] = "generated"
    explicit: bool = False
    language: str | None = None
    tags: list[str] = []
    parents: list[ExternalId] = []
    generator: str | None = None
    model: str = "unknown"
    prompt: str | None = None


_COLUMNS = (
    "brief_id", "title", "artist", "creator_id", "album", "genre", "language", "tags", "parents",
    "prompt", "generator",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A recording that was taken out of the inbox.

    Args:
        claim_id: The folder it lies in, below `claimed`.
        path: The recording.
        sidecar: What lay beside it.
    """

    claim_id: str
    path: Path
    sidecar: Sidecar


class Folder:
    """Lays orders into a folder and takes recordings out of it, each once.

    A recording is claimed by renaming it into a folder of its own, which one worker can do and no
    other; its sidecar follows. What a killed worker had claimed is found there again.

    Args:
        inbox: The folder.
        config: When a recording is complete.
    """

    name = NAME
    free = True
    repeatable = True

    def __init__(self, inbox: Path, config: FolderConfig) -> None:
        self._inbox = inbox
        self._config = config
        self.limit_in_flight = config.limit_in_flight

    def refuses(self, brief: Brief) -> str:  # noqa: ARG002
        """Return "": people can make anything."""
        return ""

    def tracks_an_order(self, brief: Brief) -> int:  # noqa: ARG002
        """Return 1."""
        return 1

    def submit(self, order: Order) -> Accepted:
        """Lay the order into `orders/`, under its key, for whoever fulfils it."""
        folder = self._inbox / ORDERS
        folder.mkdir(parents=True, exist_ok=True)
        document = {"order": order.key, "brief_id": order.brief_id, "number": order.number}
        document["brief"] = order.brief.model_dump(mode="json")
        part = folder / f".{new_id()}.part"
        part.write_text(json.dumps(document, ensure_ascii=False, indent=2), encoding="utf-8")
        part.replace(folder / _file_name(order.key))
        return Accepted(order.key)

    def poll(self, order: Order, external_id: str) -> Pending | Delivered | Failed:
        """Return the recording whose sidecar names the order, or that nobody ordered."""
        is_asked = bool(order.brief_id)
        for claim in self._claims_of(external_id):
            try:
                fault = self.fault(claim)
            except FileNotFoundError:  # another worker cleared it away
                continue
            if fault:
                self.reject(claim.claim_id, fault)
                continue
            return Delivered((_delivered(claim, is_asked=is_asked),))
        return Pending() if is_asked else Failed("the recording is gone from the inbox")

    def settle(self, order: Order, external_id: str) -> None:
        """Clear away the order's paper and the recordings that were taken over."""
        (self._inbox / ORDERS / _file_name(order.key)).unlink(missing_ok=True)
        for claim in self._claims_of(external_id):
            self.discard(claim)

    def fault(self, claim: Claim) -> str:
        """Return why a claimed recording cannot be used, or ""."""
        try:
            read_recording(claim.path, claim.path.parent)
        except AudioDecodeError as error:
            return f"{claim.path.name} is no audio that can be used: it {error.reason}"
        return ""

    def discard(self, claim: Claim) -> None:
        """Remove a claimed recording that is stored elsewhere, and the paper of its order."""
        if claim.sidecar.order is not None:
            (self._inbox / ORDERS / _file_name(claim.sidecar.order)).unlink(missing_ok=True)
        shutil.rmtree(self._inbox / CLAIMED / claim.claim_id, ignore_errors=True)

    def reject(self, claim_id: str, reason: str) -> None:
        """Move a claimed recording to `rejected/`, with the reason beside it."""
        source, target = self._inbox / CLAIMED / claim_id, self._inbox / REJECTED / claim_id
        target.parent.mkdir(exist_ok=True)
        try:
            (source / REASON_FILE).write_text(reason + "\n", encoding="utf-8")
            source.rename(target)
        except FileNotFoundError:  # another worker was first
            return

    def take_in(self, now_ms: int) -> None:
        """Claim every recording that is complete; those that cannot be used are rejected."""
        if not self._inbox.is_dir():
            return
        self._complete_pairs()
        for path in sorted(self._inbox.iterdir()):
            if path.name.startswith(".") or not path.is_file():
                continue
            if path.suffix.lower() in SUFFIXES and self._is_complete(path, now_ms):
                self._claim(path)

    def claims(self) -> Iterator[Claim]:
        """Yield what was claimed and is not settled, in a steady order; bad ones are rejected."""
        root = self._inbox / CLAIMED
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            try:
                claim = _read_claim(folder)
            except _BadRecordingError as error:
                self.reject(folder.name, str(error))
                continue
            if claim is not None:
                yield claim

    def _claims_of(self, external_id: str) -> list[Claim]:
        return [one for one in self.claims() if external_id in (one.sidecar.order, one.claim_id)]

    def _claim(self, path: Path) -> None:
        sidecar = path.with_suffix(SIDECAR)
        paired = PAIRED if sidecar.exists() else ""
        folder = self._inbox / CLAIMED / f"{new_id()}{paired}"
        folder.mkdir(parents=True)
        try:
            path.rename(folder / path.name)
        except FileNotFoundError:  # another worker was first
            folder.rmdir()
            return
        if paired:
            _move(sidecar, folder)

    def _complete_pairs(self) -> None:
        """Let sidecars follow recordings whose worker was killed between the two renames."""
        root = self._inbox / CLAIMED
        for folder in root.iterdir() if root.is_dir() else ():
            for path in _recordings(folder) if folder.name.endswith(PAIRED) else ():
                if not path.with_suffix(SIDECAR).exists():
                    _move(self._inbox / path.with_suffix(SIDECAR).name, folder)

    def _is_complete(self, path: Path, now_ms: int) -> bool:
        """A sidecar says so; else the recording has not changed for a while."""
        if path.with_suffix(SIDECAR).exists():
            return True
        try:
            changed_ms = path.stat().st_mtime * 1000
        except FileNotFoundError:
            return False
        return now_ms - changed_ms >= 1000 * self._config.stable_s


class _BadRecordingError(Exception):
    """A recording, or what is said of it, that cannot be used."""


def _read_claim(folder: Path) -> Claim | None:
    """Read a claimed recording; None where its worker is just taking it, or another cleared it."""
    found = _recordings(folder)
    if not found:
        return None
    sidecar = found[0].with_suffix(SIDECAR)
    if folder.name.endswith(PAIRED) and not sidecar.exists():
        return None  # it is about to follow
    try:
        said = _read_sidecar(sidecar) if sidecar.exists() else Sidecar()
    except FileNotFoundError:
        return None
    return Claim(folder.name, found[0], said)


def _read_sidecar(path: Path) -> Sidecar:
    if path.stat().st_size > MAX_SIDECAR_BYTES:
        raise _BadRecordingError(f"{path.name} is larger than {MAX_SIDECAR_BYTES} bytes")
    try:
        return Sidecar.model_validate_json(path.read_bytes())
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors()
        )
        raise _BadRecordingError(f"{path.name} cannot be used: {faults}") from error


def _delivered(claim: Claim, *, is_asked: bool) -> DeliveredTrack:
    said = claim.sidecar
    told: dict[str, Any] = {"origin": said.origin, "explicit": said.explicit}
    given = said.model_fields_set
    told |= {name: getattr(said, name) for name in _COLUMNS if name in given}
    if is_asked:
        told.pop("brief_id", None)  # the order's own
    else:
        told.setdefault("title", claim.path.stem)
    if "artist" in told and "creator_id" not in told:
        told["creator_id"] = told["artist"]  # as for imported tracks
    if "creator_id" in told and "artist" not in told:
        told["artist"] = told["creator_id"]
    if said.origin == "human":
        told["generator"] = None
    return DeliveredTrack(
        number=0,
        suffix=claim.path.suffix.lower(),
        save=partial(_copy, claim.path),
        model=said.model,
        told=told,
        metadata={**(said.model_extra or {}), "file": claim.path.name},
    )


def _copy(source: Path, path: Path) -> Failed | None:
    try:
        shutil.copyfile(source, path)
    except FileNotFoundError:
        return Failed("another worker took the recording over", retry=True)
    return None


def _move(path: Path, folder: Path) -> None:
    try:
        os.rename(path, folder / path.name)  # noqa: PTH104 - atomic, and over what stands there
    except FileNotFoundError:
        return


def _recordings(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _file_name(key: str) -> str:
    """Return a file name for a key; one that could lead elsewhere is named by its digest."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}", key):
        return f"{key}{SIDECAR}"
    return f"{hashlib.sha256(key.encode()).hexdigest()}{SIDECAR}"
