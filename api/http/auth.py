"""Who is asking: nobody in particular, a holder of the site's write key, or of its admin key."""

import hmac
from enum import IntEnum

from api.http.problems import Problem
from ranking.settings.service import SiteSettings


class Grade(IntEnum):
    """What a request may do; each includes the ones below."""

    PUBLIC = 0
    WRITE = 1
    ADMIN = 2


def grade(authorization: bytes | None, site: SiteSettings) -> Grade:
    """The grade of a request with this Authorization header.

    Raises:
        Problem: 401, a key was given and it is none of the site's. A wrong key is not taken for no key: its
            sender would never learn that its events count at receive time.
    """
    if authorization is None:
        return Grade.PUBLIC
    kind, _, given = authorization.partition(b" ")
    given = given.strip()
    found = Grade.PUBLIC
    # Every key is compared, in time that does not depend on which one matches.
    for key, worth in ((site.keys.write, Grade.WRITE), (site.keys.admin, Grade.ADMIN)):
        if key is not None and hmac.compare_digest(key.encode(), given):
            found = worth
    if kind.lower() != b"bearer" or found is Grade.PUBLIC:
        raise Problem(
            401, "unknown key", f"site {site.id} has no such key; send `Authorization: Bearer <the site's write key>`"
        )
    return found


def require(have: Grade, need: Grade, site: SiteSettings) -> None:
    """Return if `have` is enough.

    Raises:
        Problem: 401 without a key, 403 with too small a one.
    """
    if have >= need:
        return
    name = need.name.lower()
    raise Problem(
        401 if have is Grade.PUBLIC else 403,
        "key needed",
        f"this needs the {name} key of site {site.id}: send `Authorization: Bearer <{name} key>`",
    )
