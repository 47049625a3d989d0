"""What the store refuses, told as problems that say where to look next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import ConflictError, DataError, UnknownIdError
from service.problems import FieldFault, ProblemError


def unknown(kind: str, named: str, next_step: str) -> ProblemError:
    """Return the problem of an id that nothing bears.

    Args:
        kind: What it should have been: `brief`, `verdict`, `switch`.
        named: The id.
        next_step: What to do.
    """
    return ProblemError(404, f"unknown-{kind}", f"there is no {kind} {named!r}; {next_step}")


@contextmanager
def refusals(kind: str, named: str, *, listed_at: str, field: str) -> Iterator[None]:
    """Turn what the store refuses inside of the block into problems.

    Args:
        kind: What is asked for: `brief` or `verdict`.
        named: Its id.
        listed_at: The path that lists those there are.
        field: The field of the body that a fault of the data is in.
    """
    try:
        yield
    except UnknownIdError:
        raise unknown(kind, named, f"GET {listed_at} lists those there are") from None
    except ConflictError as error:
        raise ProblemError(409, "conflict", str(error)) from None
    except DataError as error:
        faults = [FieldFault(field=field, message=str(error))]
        raise ProblemError(422, "invalid-request", f"{field}: {error}", errors=faults) from None
