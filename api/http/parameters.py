"""Parameters of a request's query, read strictly: a misspelt filter would answer with everything.

Raises, all of them: Problem, 400; its sentence names the parameter and what is known.
"""

import difflib
from collections.abc import Collection, Mapping
from datetime import tzinfo

from api.http.problems import Problem
from ranking.times import parse_moment

Parameters = Mapping[str, str]

MOST_DIGITS = 9


def check_names(params: Parameters, known: Collection[str]) -> None:
    """Return if no parameter is unknown."""
    for name in params:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise Problem(400, "unknown parameter", f"{name[:80]!r} is no parameter here; {hint}")


def choice(params: Parameters, name: str, known: Collection[str], otherwise: str) -> str:
    """One of the `known` words."""
    given = params.get(name, otherwise)
    if given not in known and given != otherwise:
        raise Problem(400, "bad parameter", f"{name}: expected one of {', '.join(known)}, found {given[:40]!r}")
    return given


def moment(params: Parameters, name: str, zone: tzinfo) -> float | None:
    """Epoch seconds; a time without an offset is in `zone`. None: it is not given."""
    text = params.get(name)
    try:
        return None if text is None else parse_moment(text, zone)
    except ValueError as error:
        raise Problem(400, "bad parameter", f"{name}: expected {error}, found {text!r:.80}") from None


def limit(params: Parameters, usual: int, most: int) -> int:
    """How many rows."""
    text = params.get("limit")
    if text is None:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS or not 1 <= int(text) <= most:
        raise Problem(400, "bad parameter", f"limit: expected a whole number from 1 to {most}, found {text[:40]!r}")
    return int(text)
