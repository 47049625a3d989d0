"""Opening whatever turns recordings into vectors: an artifact of ours, or a model of another's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import ArtifactError
from embeddings.audio.backbone import open_backbone
from embeddings.audio.configuration import BackboneConfig
from embeddings.audio.embedder import AudioEmbedder
from embeddings.audio.runtime import OnnxEncoder

BACKBONE_FILE = "backbone.json"


class BackboneRecord(BaseModel):
    """Which foreign model made a set of vectors; the model itself stays where it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    """The model's file."""
    sha256: str
    """Of the file when the vectors were made."""
    config: BackboneConfig
    """How it is fed and read."""

    def save(self, folder: Path) -> None:
        """Write `backbone.json` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / BACKBONE_FILE).write_text(self.model_dump_json(indent=2), encoding="utf-8")


def record_backbone(path: Path, config: BackboneConfig) -> BackboneRecord:
    """Describe a foreign model as it is now.

    Raises:
        ArtifactError: If the file cannot be read.
    """
    return BackboneRecord(path=path.absolute(), sha256=_digest(path), config=config)


def open_encoder(folder: Path, *, threads: int = 1) -> AudioEmbedder:
    """Open the encoder of an artifact, without torch.

    Args:
        folder: The artifact's: of an encoder we trained, or the record of a foreign one.
        threads: Threads of one run.

    Raises:
        ArtifactError: If a file is missing or broken, or a foreign model is no longer the one
            that made the vectors.
    """
    described = folder / BACKBONE_FILE
    if not described.is_file():
        return OnnxEncoder.load(folder, threads=threads)
    try:
        record = BackboneRecord.model_validate_json(described.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ArtifactError(f"{described} cannot be read ({error}); train `embed` again") from error
    if _digest(record.path) != record.sha256:
        raise ArtifactError(
            f"{record.path} is not the model any more that made the catalogue's vectors; "
            "put it back, or train `embed` again"
        )
    return open_backbone(record.path, record.config, threads=threads)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(
            f"the model {path} cannot be read ({error.strerror}); put it back, or name another "
            "under [embeddings.audio] backbone"
        ) from error
