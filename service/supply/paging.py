"""Pages of a list: at most so many, leaving out so many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

MAX_LIMIT = 200
MAX_OFFSET = 1_000_000

Row = TypeVar("Row")


class PageQuery(BaseModel):
    """The query of every list; a name that is no parameter is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=MAX_LIMIT)
    """At most so many."""
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)
    """Leave out so many; the answer before says how many in `next_offset`."""


class PageAnswer(BaseModel):
    """What every list says of itself."""

    next_offset: int | None
    """The offset of the next page; null where this is the last."""


def page_of(
    page: PageQuery, fetch: Callable[[int, int], Sequence[Row]]
) -> tuple[list[Row], int | None]:
    """Return one page and the offset of the next.

    Args:
        page: Which.
        fetch: Returns at most so many rows (its first argument), leaving out so many (its second).
    """
    found = fetch(page.limit + 1, page.offset)  # one more says whether there is a next page
    following = page.offset + page.limit
    has_more = len(found) > page.limit and following <= MAX_OFFSET
    return list(found[: page.limit]), following if has_more else None
