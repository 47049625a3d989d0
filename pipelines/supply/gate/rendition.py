"""The rendition: the file that listeners get, made beside the one that was delivered."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import sqlalchemy as sa

from core.schema import tracks
from embeddings.measures.loudness import integrated_lufs, true_peak_db
from embeddings.measures.sound import Sound, read_sound
from pipelines.music.audio_file import write_track
from pipelines.music.ogg_pages import pin_serial
from pipelines.supply.gate.configuration import RenditionConfig
from pipelines.supply.gate.evidence import Loudness
from pipelines.supply.gate.mastering import mastered

FOLDER = "renditions"
ORIGINAL = "original_audio_path"
"""Key of a track's metadata: where the recording lies as it was delivered."""
MAX_TRIES = 3
_CLOSE_DB = 0.05


def rendition_path(track_id: str, config: RenditionConfig) -> str:
    """Return where the rendition of a track lies, relative to the audio root."""
    name = hashlib.sha256(track_id.encode()).hexdigest()[:32]
    return f"{FOLDER}/{name[:2]}/{name}{config.suffix}"


def make_rendition(
    sound: Sound, path: Path, target_lufs: float, config: RenditionConfig
) -> Loudness:
    """Write a recording at the loudness that is served; it appears when it is whole.

    A lossy coding moves peaks: the file is measured again, and where its peaks came out above the
    ceiling it is made anew below it.

    Args:
        sound: The recording as it was delivered, not silent.
        path: Where to write.
        target_lufs: Integrated loudness wanted.
        config: Ceiling and coding.

    Raises:
        AudioDecodeError: If what was written cannot be read back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".draft-{path.name}")
    level = integrated_lufs(sound.samples, sound.rate_hz), true_peak_db(sound.samples)
    ceiling = config.ceiling_dbtp
    for _ in range(MAX_TRIES):
        made = mastered(
            sound,
            *level,
            target_lufs=target_lufs,
            ceiling_dbtp=ceiling,
            max_limiting_db=config.max_limiting_db,
        )
        write_track(draft, made.samples, sound.rate_hz)
        served = read_sound(draft)
        peak_db = true_peak_db(served.samples)
        if peak_db <= config.ceiling_dbtp + _CLOSE_DB:
            break
        ceiling -= 1.2 * (peak_db - config.ceiling_dbtp)  # pressing harder moves others up
    if path.suffix == ".ogg":
        pin_serial(draft)  # equal recordings, equal files
    draft.replace(path)
    lufs = integrated_lufs(served.samples, served.rate_hz)
    return Loudness(
        target_lufs=target_lufs,
        lufs=lufs,
        true_peak_db=peak_db,
        gain_db=made.gain_db,
        limited_db=made.limited_db,
        missed_lu=target_lufs - lufs,
    )


def serve_rendition(
    connection: sa.Connection, track_id: str, original: str, rendition: str, now_ms: int
) -> None:
    """Let a track be heard by its rendition, and remember where its original lies.

    Args:
        connection: Inside a write transaction.
        track_id: Whose.
        original: Path relative to the audio root.
        rendition: The same.
        now_ms: Stamped on the track.
    """
    chosen = tracks.c.track_id == track_id
    told = connection.execute(sa.select(tracks.c.metadata_json).where(chosen)).scalar_one()
    metadata = json.loads(told) if told else {}
    text = json.dumps(metadata | {ORIGINAL: original}, ensure_ascii=False)
    changed = {"audio_path": rendition, "metadata_json": text, "updated_at": now_ms}
    connection.execute(sa.update(tracks).where(chosen).values(changed))
