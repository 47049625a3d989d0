"""Where the next page of a feed begins: all that was shown on the pages before it.

A cursor carries the ids themselves, so that any worker continues any feed at once, whether or not
the pages before it have reached the store.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.events import ExternalId
from core.randomness import derive_seed
from ranking.model import Continuation
from service.problems import FieldFault, ProblemError

MAX_SHOWN = 200
"""Slots of one feed; a cursor of so many ids of 36 characters still fits into an address."""
MAX_TEXT = 8_192
"""Characters of a cursor; the address of a request holds no more with certainty."""
MAX_JSON = 64 * 1024  # bytes that a small text may unfold to


class Cursor(BaseModel):
    """A feed so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: Annotated[str, Field(min_length=1, max_length=64)]
    """The request of its first page."""
    user_id: ExternalId
    surface: str
    shown: Annotated[tuple[ExternalId, ...], Field(min_length=1, max_length=MAX_SHOWN)]
    """Track ids, first to last."""

    def write(self) -> str | None:
        """Return it as text for an address; None where its ids are too long for one."""
        opened = self.model_dump_json().encode()
        text = base64.urlsafe_b64encode(zlib.compress(opened, level=9)).rstrip(b"=").decode()
        return text if len(opened) <= MAX_JSON and len(text) <= MAX_TEXT else None

    def goes_on(self) -> Continuation:
        """Return what the engine has to know of it."""
        return Continuation(feed_seed(self.feed), len(self.shown))


def feed_seed(request_id: str) -> int:
    """Return what decides the random choices of a feed's first page, and of drafts on all.

    Args:
        request_id: Of the first page.
    """
    return derive_seed(0, "feed", request_id)


def read_cursor(text: str, user_id: str, surface: str) -> Cursor:
    """Read what was given as `next_cursor`.

    Args:
        text: As it came.
        user_id: Who asks with it.
        surface: Where.

    Raises:
        ProblemError: 422 where it is none, or another listener's or surface's.
    """
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        opened = zlib.decompressobj().decompress(packed, MAX_JSON)
        found = Cursor.model_validate_json(opened)
    except (binascii.Error, ValueError, zlib.error, ValidationError):
        raise _refused("is none that this service gave") from None
    if (found.user_id, found.surface) != (user_id, surface):
        raise _refused(f"is of {found.user_id!r} on {found.surface!r}")
    return found


def next_cursor(
    before: Cursor | None, request_id: str, user_id: str, surface: str, shown: Sequence[str]
) -> str | None:
    """Return the cursor of the page after this one; None where the feed can go on no further.

    Args:
        before: This page's own.
        request_id: Of this page.
        user_id: Who asked.
        surface: Where.
        shown: The page's tracks.
    """
    ids = (*(before.shown if before else ()), *shown)
    if not shown or len(ids) >= MAX_SHOWN:
        return None
    feed = before.feed if before else request_id
    return Cursor(feed=feed, user_id=user_id, surface=surface, shown=ids).write()


def _refused(why: str) -> ProblemError:
    message = f"the cursor {why}; ask without one for a first page"
    return ProblemError(
        422,
        "invalid-request",
        f"cursor: {message}",
        errors=[FieldFault(field="cursor", message=message)],
    )
