"""Who is asking: nobody in particular, or the holder of one of a site's keys.

An editor's key does not include what a write key may: who keeps the front page in order need not be able to count.
"""

import hmac
from enum import Enum
from hashlib import sha256
from typing import Final, NamedTuple

from api.http.problems import Problem
from ranking.settings.keys import SiteKeys
from ranking.settings.sites import SiteSettings


class Grade(Enum):
    """What a request may do. An admin's key may do all that the others may."""

    PUBLIC = "public"
    WRITE = "write"
    EDITOR = "editor"
    ADMIN = "admin"

    def allows(self, need: "Grade") -> bool:
        """Whether what takes `need` may be done."""
        return self in (need, Grade.ADMIN) or need is Grade.PUBLIC


class Caller(NamedTuple):
    """Who sent a request; `name` is that of the key."""

    grade: Grade
    name: str


STRANGER: Final = Caller(Grade.PUBLIC, "")


def digest_of(authorization: bytes) -> bytes | None:
    """SHA-256 of the key in an Authorization header; None where it holds none."""
    kind, _, given = authorization.partition(b" ")
    return sha256(given.strip()).digest() if kind.lower() == b"bearer" else None


class KeyRing:
    """The keys of one site."""

    def __init__(self, keys: SiteKeys) -> None:
        self._holders = [(each.digest, Caller(Grade(each.grade), each.name)) for each in keys.named()]

    def holder(self, digest: bytes) -> Caller | None:
        """Whose key has this digest; None where it is none of the site's."""
        found = None
        for known, caller in self._holders:  # all of them, in time that does not depend on which one matches
            if hmac.compare_digest(known, digest):
                found = caller
        return found


def require(caller: Caller, need: Grade, site: SiteSettings) -> None:
    """Return if `caller` may do what takes `need`.

    Raises:
        Problem: 401 without a key, 403 with one of another grade.
    """
    if caller.grade.allows(need):
        return
    name = need.value
    raise Problem(
        401 if caller is STRANGER else 403,
        "key needed",
        f"this needs the {name} key of site {site.id}: send `Authorization: Bearer <{name} key>`",
    )
