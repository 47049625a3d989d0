"""Mureka, over its HTTP API: songs where a brief has lyrics, instrumentals where it has none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpcore
import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from core.errors import ConfigError
from pipelines.supply.generators.addresses import CheckedNetwork
from pipelines.supply.generators.downloads import DownloadConfig, download
from pipelines.supply.generators.protocol import (
    Accepted,
    Delivered,
    DeliveredTrack,
    Failed,
    Order,
    Pending,
    Unclear,
)
from ranking.supply.brief import INSTRUMENTAL, Brief

NAME = "mureka"
KEY_VARIABLE = "MUREKA_API_KEY"
WORTH_A_RETRY = (429, 500, 503)
"""Of the statuses that the API documents; 400, 401 and 403 would be answered the same again."""
BROKEN = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
MAX_ANSWER_BYTES = 4_000_000
MAX_RETRY_AFTER_S = 86_400.0
SONG_TRACKS = (2, 3)
"""Fewest and most choices of one order for a song."""
Kind = Literal["song", "instrumental"]


class MurekaConfig(BaseModel):
    """The Mureka API; its key stands in the variable MUREKA_API_KEY and nowhere else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(default="https://api.mureka.ai", pattern=r"^https?://[^/?#@]+/?$")
    """Where the API is."""
    model: str = "auto"
    """Which of its models; `auto` leaves the choice to it."""
    tracks_a_song: int = Field(default=2, ge=SONG_TRACKS[0], le=SONG_TRACKS[1])
    """Choices of one order for a song; all are kept, and all count in the budget."""
    tracks_an_instrumental: int = Field(default=1, ge=1, le=3)
    """Most choices that are kept of one order for an instrumental, and count in the budget."""
    limit_in_flight: int = Field(default=1, ge=1, le=1000)
    """Most orders at once; what an account may is agreed with the provider."""
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Longest wait for an answer, and for the whole of it."""
    download: DownloadConfig = DownloadConfig()
    """What its audio may be."""


class Choice(BaseModel):
    """One track of an answer; fields that nobody announced are ignored."""

    model_config = ConfigDict(frozen=True)

    url: str = ""
    flac_url: str | None = None
    duration: float | None = None
    lyrics_sections: list[dict[str, Any]] | None = None


class Answer(BaseModel):
    """An order as the API tells of it."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1, max_length=200)
    status: str = ""
    model: str | None = None
    failed_reason: str | None = None
    choices: list[Choice] | None = None


class Mureka:
    """Orders tracks over HTTP.

    The API knows no idempotency keys, so an order is `Unclear` when it was sent and its answer
    was not understood: it may exist, and nobody may send it again.

    Args:
        config: Address and limits.
        key: The account's key; it is sent to the API alone, and never shown.
    """

    name = NAME
    free = False
    repeatable = False

    def __init__(self, config: MurekaConfig, key: SecretStr) -> None:
        self._config = config
        self._key = key
        self.limit_in_flight = config.limit_in_flight
        parts = urlsplit(config.base_url)
        own = f"{parts.hostname}:{parts.port or 80}" if parts.scheme == "http" else ""
        allowed = (*config.download.allowed_hosts, *filter(None, [own]))
        self._download = config.download.model_copy(update={"allowed_hosts": allowed})

    def refuses(self, brief: Brief) -> str:
        """Return why it cannot make this: words are sung only where they are given."""
        if brief.language != INSTRUMENTAL and not brief.lyrics.strip():
            return f"mureka needs the lyrics of a song in {brief.language!r}"
        return ""

    def tracks_an_order(self, brief: Brief) -> int:
        """Return how many choices an order brings."""
        song = _kind(brief) == "song"
        return self._config.tracks_a_song if song else self._config.tracks_an_instrumental

    def submit(self, order: Order) -> Accepted | Failed | Unclear:
        """Send an order once."""
        brief, kind = order.brief, _kind(order.brief)
        body: dict[str, Any] = {"model": self._config.model, "prompt": brief.prompt}
        if kind == "song":
            body |= {"lyrics": brief.lyrics, "n": self._config.tracks_a_song}
        try:
            status, headers, content = self._call("POST", f"/v1/{kind}/generate", body)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:  # nothing was sent
            return Failed(f"mureka cannot be reached: {self._safe(error)}", retry=True)
        except (*BROKEN, _TooLongError) as error:
            return Unclear(f"mureka's answer to the order did not arrive: {self._safe(error)}")
        if status >= 300:
            return self._refused(status, headers, content)
        answer = _read(content)
        if answer is None:
            return Unclear("mureka took the order and answered something that cannot be read")
        return Accepted(f"{kind}/{answer.id}")

    def poll(self, order: Order, external_id: str) -> Pending | Delivered | Failed:
        """Ask for an order."""
        kind, _, name = external_id.partition("/")
        try:
            where = f"/v1/{kind}/query/{quote(name, safe='')}"
            status, headers, content = self._call("GET", where)
        except (*BROKEN, _TooLongError) as error:
            return Failed(f"mureka cannot be asked: {self._safe(error)}", retry=True)
        if status >= 300:
            return self._refused(status, headers, content)
        answer = _read(content)
        if answer is None:
            return Failed("mureka answered something that cannot be read", retry=True)
        if answer.status in ("failed", "timeouted", "cancelled"):
            why = self._safe(answer.failed_reason or "it does not say why")
            return Failed(f"mureka says {answer.status}: {why}")
        if answer.status != "succeeded":
            return Pending()
        return self._delivered(order, external_id, answer)

    def settle(self, order: Order, external_id: str) -> None:
        """Do nothing: the order stays in the account's list."""

    def _delivered(self, order: Order, external_id: str, answer: Answer) -> Delivered | Failed:
        wanted = self.tracks_an_order(order.brief)
        choices = [one for one in answer.choices or () if one.flac_url or one.url][:wanted]
        if not choices:
            return Failed("mureka says that it succeeded, and names no audio")
        return Delivered(
            tuple(
                self._track(number, choice, external_id, answer)
                for number, choice in enumerate(choices)
            )
        )

    def _track(
        self, number: int, choice: Choice, external_id: str, answer: Answer
    ) -> DeliveredTrack:
        known = {
            "external_id": external_id,
            "choice": number,
            "told_duration_ms": choice.duration,
            "lyrics_sections": choice.lyrics_sections,
        }
        return DeliveredTrack(
            number=number,
            suffix=".flac" if choice.flac_url else ".mp3",
            save=partial(download, choice.flac_url or choice.url, config=self._download),
            model=answer.model or self._config.model,
            metadata={name: value for name, value in known.items() if value is not None},
        )

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Call the API and return status, headers and at most `MAX_ANSWER_BYTES` of the answer."""
        wait_s = self._config.timeout_s
        network = CheckedNetwork(None, time.monotonic() + wait_s)
        waits = {"connect": wait_s, "read": wait_s, "write": wait_s, "pool": wait_s}
        headers = [
            (b"Authorization", f"Bearer {self._key.get_secret_value()}".encode()),
            (b"Accept-Encoding", b"identity"),
            (b"Content-Type", b"application/json"),
        ]
        url = self._config.base_url.rstrip("/") + path
        sent = b"" if body is None else orjson.dumps(body)
        with (
            httpcore.ConnectionPool(network_backend=network) as pool,
            pool.stream(
                method, url, headers=headers, content=sent, extensions={"timeout": waits}
            ) as answer,
        ):
            content = bytearray()
            for chunk in answer.iter_stream():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise _TooLongError("it is too long")
            told = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in answer.headers}
            return answer.status, told, bytes(content)

    def _refused(self, status: int, headers: Mapping[str, str], content: bytes) -> Failed:
        retry = status in WORTH_A_RETRY
        said = self._safe(content[:300].decode("utf-8", "replace").strip())
        wait_s = _seconds(headers.get("retry-after", "")) if retry else 0.0
        return Failed(f"mureka answered {status}: {said or 'nothing'}", retry, wait_s)

    def _safe(self, text: object) -> str:
        """Return a text without the key, should somebody have repeated it."""
        return str(text).replace(self._key.get_secret_value(), "***") or type(text).__name__


class _TooLongError(Exception):
    """An answer that is longer than an answer is."""


def open_mureka(config: MurekaConfig, environ: Mapping[str, str]) -> Mureka | None:
    """Return the generator, or None where the environment holds no key.

    Raises:
        ConfigError: If the key cannot be a key.
    """
    key = environ.get(KEY_VARIABLE, "").strip()
    if not key:
        return None
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"{KEY_VARIABLE} holds signs that no key has; copy it anew")
    return Mureka(config, SecretStr(key))


def _kind(brief: Brief) -> Kind:
    return "song" if brief.lyrics.strip() and brief.language != INSTRUMENTAL else "instrumental"


def _read(content: bytes) -> Answer | None:
    try:
        return Answer.model_validate(orjson.loads(content))
    except (orjson.JSONDecodeError, ValidationError):
        return None


def _seconds(text: str) -> float:
    """Read a Retry-After of seconds; a date is left to the backoff."""
    return min(float(text), MAX_RETRY_AFTER_S) if text.strip().isdigit() else 0.0
