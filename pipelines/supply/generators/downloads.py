"""Downloads of audio from wherever a generator says it lies, as if the answer were hostile."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpcore
from pydantic import BaseModel, ConfigDict, Field

from pipelines.supply.generators.addresses import CheckedNetwork, RefusedAddressError
from pipelines.supply.generators.protocol import Failed

REDIRECTS = (301, 302, 303, 307, 308)
WORTH_A_RETRY = (408, 425, 429, 500, 502, 503, 504)


class DownloadConfig(BaseModel):
    """What a download may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(default=200_000_000, ge=1)
    """Largest audio file; a longer body is cut off and refused."""
    read_timeout_s: float = Field(default=30.0, gt=0, le=3600)
    """Longest wait for the next bytes."""
    total_timeout_s: float = Field(default=600.0, gt=0, le=36_000)
    """Longest time in all."""
    max_redirects: int = Field(default=5, ge=0, le=20)
    """Most redirects that are followed; each is checked like the first address."""
    allowed_hosts: tuple[str, ...] = ()
    """`host:port` that audio may come from though it is not public, and without TLS."""


def download(url: str, path: Path, config: DownloadConfig) -> Failed | None:
    """Fetch audio into a new file; never more than the limit, never from a private address.

    Args:
        url: Where; https, unless its host is allowed by name.
        path: The file; it is incomplete where this fails.
        config: The limits.

    Returns:
        Why it failed, or None.
    """
    deadline_s = time.monotonic() + config.total_timeout_s
    network = CheckedNetwork(config.allowed_hosts, deadline_s)
    try:
        with httpcore.ConnectionPool(network_backend=network) as pool:
            for _ in range(config.max_redirects + 1):
                if refused := _refused_url(url, config.allowed_hosts):
                    return Failed(refused)
                found = _fetch(pool, url, path, config)
                if not isinstance(found, str):
                    return found
                url = urljoin(url, found)
    except RefusedAddressError as error:
        return Failed(f"the audio may not be fetched: {error}")
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        return Failed(f"the download broke off: {error or type(error).__name__}", retry=True)
    return Failed(f"the audio was redirected more than {config.max_redirects} times")


def _fetch(
    pool: httpcore.ConnectionPool, url: str, path: Path, config: DownloadConfig
) -> Failed | str | None:
    """Fetch one address; return where it redirects to, why it failed, or None."""
    wait = config.read_timeout_s
    timeouts = {"connect": wait, "read": wait, "write": wait, "pool": wait}
    # Without compression: a small body could else unfold beyond the limit.
    headers = [(b"Accept-Encoding", b"identity"), (b"User-Agent", b"segue")]
    with pool.stream("GET", url, headers=headers, extensions={"timeout": timeouts}) as answer:
        told = {key.decode("latin-1").lower(): v.decode("latin-1") for key, v in answer.headers}
        if answer.status in REDIRECTS and told.get("location"):
            return told["location"]
        if failed := _refused_answer(answer.status, told, config.max_bytes):
            return failed
        return _write(answer.iter_stream(), path, config.max_bytes)


def _refused_url(url: str, allowed: Iterable[str]) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return "the audio's address cannot be read"
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
        return f"the audio's address is no plain web address ({parts.scheme or 'nothing'})"
    if parts.scheme == "http" and f"{parts.hostname}:{port}" not in allowed:
        return f"the audio at {parts.hostname} comes without TLS; https is needed"
    return ""


def _refused_answer(status: int, told: Mapping[str, str], max_bytes: int) -> Failed | None:
    if status != 200:
        return Failed(f"the audio's server answered {status}", retry=status in WORTH_A_RETRY)
    kind = told.get("content-type", "").split(";")[0].strip().lower()
    if not kind.startswith("audio/") and kind != "application/octet-stream":
        return Failed(f"what lies at the audio's address is {kind or 'of no stated type'}")
    length = told.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        return Failed(f"the audio has {length} bytes, more than {max_bytes}")
    return None


def _write(chunks: Iterable[bytes], path: Path, max_bytes: int) -> Failed | None:
    written = 0
    with path.open("wb") as file:
        for chunk in chunks:
            written += len(chunk)
            if written > max_bytes:
                return Failed(f"the audio has more than {max_bytes} bytes")
            file.write(chunk)
    return None if written else Failed("the audio is empty", retry=True)
