"""Immutable, versioned results of the jobs, and the pointer that says which are live."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, ValidationError

from core.database import Database, lock_until_commit
from core.errors import ArtifactError
from core.ids import new_id
from core.schema import promotions

MANIFEST = "manifest.json"
NOTES = "notes.jsonl"
HASH_BLOCK_BYTES = 1 << 20


class Manifest(BaseModel):
    """What an artifact is, where it came from and what its files must hash to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    version: str
    created_at: int
    """UTC, milliseconds."""
    code_revision: str
    config: dict[str, Any]
    inputs: dict[str, str]
    """Input → fingerprint: a table's, or the version of another artifact; a ranker's also say how
    far the listening reached."""
    metrics: dict[str, float]
    feature_names: tuple[str, ...]
    files: dict[str, str]
    """File name → SHA-256."""


class Live(BaseModel):
    """The set of artifacts that is live."""

    model_config = ConfigDict(frozen=True)

    promotion_id: int
    at: int
    versions: dict[str, str]
    previous_id: int | None
    reason: str


class ArtifactStore:
    """Artifacts as folders `<root>/<kind>/<version>/`, and promotions in the store.

    Args:
        root: The artifacts folder.
        database: The store that keeps the pointer.
    """

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self._database = database

    def create(
        self,
        kind: str,
        write: Callable[[Path], None],
        *,
        now_ms: int,
        config: Mapping[str, Any],
        inputs: Mapping[str, str],
        metrics: Mapping[str, float] | None = None,
        feature_names: tuple[str, ...] = (),
    ) -> Manifest:
        """Write a new artifact; it appears whole or not at all.

        Args:
            kind: "vectors", "factors", "ranker", …
            write: Called with an empty folder to fill.
            now_ms: Time of creation; the next free millisecond where another of the kind was made
                at this one, so that what is made later is later.
            config: The configuration that made it.
            inputs: Fingerprints of what it was made from.
            metrics: Figures measured while making it.
            feature_names: The columns a ranker expects, in order.
        """
        staging = self.root / ".staging" / new_id()
        staging.mkdir(parents=True)
        try:
            write(staging)
            files = {
                str(path.relative_to(staging)): _sha256(path)
                for path in sorted(staging.rglob("*"))
                if path.is_file()
            }
            made_ms = self._free_moment(kind, now_ms, files)
            manifest = Manifest(
                kind=kind,
                version=_version(made_ms, files),
                created_at=made_ms,
                code_revision=code_revision(),
                config=json.loads(json.dumps(dict(config), default=str)),
                inputs=dict(inputs),
                metrics=dict(metrics or {}),
                feature_names=feature_names,
                files=files,
            )
            (staging / MANIFEST).write_text(manifest.model_dump_json(indent=1))
            self._publish(staging, manifest)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return manifest

    def _free_moment(self, kind: str, now_ms: int, files: Mapping[str, str]) -> int:
        """Return the first millisecond from now at which no other artifact of a kind was made."""
        while any(
            folder.name != _version(now_ms, files)
            for folder in (self.root / kind).glob(f"{_stamp(now_ms)}-*")
        ):
            now_ms += 1
        return now_ms

    def _publish(self, staging: Path, manifest: Manifest) -> None:
        target = self.root / manifest.kind / manifest.version
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # same moment, same bytes: it is already there
            return
        staging.rename(target)

    def folder(self, kind: str, version: str) -> Path:
        """Return the folder of an artifact.

        Raises:
            ArtifactError: If there is none.
        """
        folder = self.root / kind / version
        if not (folder / MANIFEST).is_file():
            raise ArtifactError(
                f"there is no artifact {kind} {version} under {self.root}; "
                "`segue artifacts` lists those that exist"
            )
        return folder

    def manifest(self, kind: str, version: str) -> Manifest:
        """Read one manifest.

        Raises:
            ArtifactError: If it is missing or broken.
        """
        path = self.folder(kind, version) / MANIFEST
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise ArtifactError(f"{path} is not a manifest: {error.errors()[0]['msg']}") from error

    def verify(self, kind: str, version: str) -> None:
        """Hash every file of an artifact against its manifest.

        Raises:
            ArtifactError: Naming the first file that is missing or differs.
        """
        folder = self.folder(kind, version)
        for name, expected in self.manifest(kind, version).files.items():
            path = folder / name
            if not path.is_file():
                raise ArtifactError(f"artifact {kind} {version} lacks {name}; train it again")
            if _sha256(path) != expected:
                raise ArtifactError(f"artifact {kind} {version}: {name} was changed; train again")

    def note(self, kind: str, version: str, said: Mapping[str, Any]) -> None:
        """Keep what is said of an artifact after it was made, beside its manifest.

        It goes where the artifact goes, and stays when the store is lost.

        Raises:
            ArtifactError: If there is no such artifact.
        """
        line = json.dumps(dict(said), ensure_ascii=False, allow_nan=False)
        with (self.folder(kind, version) / NOTES).open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")
            handle.flush()
            os.fsync(handle.fileno())

    def notes(self, kind: str, version: str) -> tuple[dict[str, Any], ...]:
        """Return what was said of an artifact, oldest first.

        Raises:
            ArtifactError: If there is no such artifact, or its notes are broken.
        """
        path = self.folder(kind, version) / NOTES
        if not path.is_file():
            return ()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return tuple(json.loads(line) for line in lines)
        except ValueError as error:
            raise ArtifactError(
                f"{path} is not one JSON object a line ({error}); move it away"
            ) from error

    def list(self, kind: str | None = None) -> list[Manifest]:
        """Return every manifest, oldest first."""
        kinds = [kind] if kind else sorted(p.name for p in self.root.glob("[!.]*") if p.is_dir())
        found = [
            self.manifest(name, path.parent.name)
            for name in kinds
            for path in (self.root / name).glob(f"*/{MANIFEST}")
        ]
        return sorted(found, key=lambda m: (m.created_at, m.kind, m.version))

    def latest(self, kind: str) -> Manifest | None:
        """Return the newest artifact of a kind, or None."""
        found = self.list(kind)
        return found[-1] if found else None

    def live(self) -> Live | None:
        """Return the live set, or None where nothing was promoted."""
        with self._database.read() as connection:
            return _newest(connection)

    def promote(self, versions: Mapping[str, str], *, now_ms: int, reason: str) -> Live:
        """Make a set of artifacts live; kinds that are not named keep their live version.

        Raises:
            ArtifactError: If a named artifact is missing or changed.
        """
        for kind, version in versions.items():
            self.verify(kind, version)
        with self._database.write() as connection:
            lock_until_commit(connection, "promotions")
            before = _newest(connection)
            merged = {**(before.versions if before else {}), **versions}
            previous = before.promotion_id if before else None
            return _point(connection, merged, previous, now_ms, reason)

    def rollback(self, *, now_ms: int, reason: str) -> Live:
        """Make the set before the live one live again.

        Raises:
            ArtifactError: If there is nothing to go back to.
        """
        with self._database.write() as connection:
            lock_until_commit(connection, "promotions")
            live = _newest(connection)
            if live is None or live.previous_id is None:
                raise ArtifactError("there is no earlier promotion to roll back to")
            target = _promotion(connection, live.previous_id)
            for kind, version in target.versions.items():
                self.verify(kind, version)
            return _point(connection, target.versions, target.previous_id, now_ms, reason)


@cache
def code_revision() -> str:
    """Return the git commit of the checkout this runs from, or the package's version."""
    root = Path(__file__).parent.parent
    if (root / ".git").exists() and (git := shutil.which("git")):
        done = subprocess.run(  # noqa: S603 - the words are ours
            [git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout.strip()
    return package_version("segue")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(HASH_BLOCK_BYTES):
            digest.update(block)
        os.fsync(handle.fileno())
    return digest.hexdigest()


def _version(now_ms: int, files: Mapping[str, str]) -> str:
    content = hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()
    return f"{_stamp(now_ms)}-{content[:8]}"


def _stamp(now_ms: int) -> str:
    moment = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S")
    return f"{moment}-{now_ms % 1000:03d}"


def _newest(connection: sa.Connection) -> Live | None:
    query = sa.select(promotions).order_by(promotions.c.promotion_id.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return Live.model_validate(dict(row)) if row else None


def _promotion(connection: sa.Connection, promotion_id: int) -> Live:
    query = sa.select(promotions).where(promotions.c.promotion_id == promotion_id)
    return Live.model_validate(dict(connection.execute(query).mappings().one()))


def _point(
    connection: sa.Connection,
    versions: Mapping[str, str],
    previous_id: int | None,
    now_ms: int,
    reason: str,
) -> Live:
    row = {
        "at": now_ms,
        "versions": dict(versions),
        "previous_id": previous_id,
        "reason": reason,
    }
    done = connection.execute(sa.insert(promotions).values(row))
    key = done.inserted_primary_key
    assert key is not None
    return Live(promotion_id=key[0], **row)
