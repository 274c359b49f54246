"""Keys of a site: several of each grade, each with a name that the trail of changes shows.

    keys = { write = "…", admin = { siti = "…", ops = "sha256:…" } }

A plain text is a key that is named after its grade. `sha256:` and 64 hexadecimal digits stand for a key that only its
holder has. Two keys of a grade hold side by side, so that one can be replaced without a moment in which none does.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from ranking.settings.types import Table

GradeName = Literal["write", "editor", "admin"]
GRADES: Final[tuple[GradeName, ...]] = ("write", "editor", "admin")
#: Grades that a site has a key of, configured or not.
NEEDED: Final[tuple[GradeName, ...]] = ("write", "admin")
HASHED: Final = "sha256:"
LEAST_CHARACTERS: Final = 16
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def hashed(key: str) -> str:
    """How the settings write a key that they do not hold.

    >>> hashed("admin-key-of-the-koran")[:19]
    'sha256:d819c50c062f'
    """
    return HASHED + sha256(key.encode()).hexdigest()


def _usable(key: str) -> str:
    if key.startswith(HASHED):
        if not _DIGEST.fullmatch(key):
            raise ValueError("sha256: and 64 hexadecimal digits, or a plain key")
    elif len(key) < LEAST_CHARACTERS or not key.isascii() or not key.isprintable():
        raise ValueError(f"at least {LEAST_CHARACTERS} visible ASCII characters, or sha256: and the key's hash")
    return key


KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
KeysByName = Mapping[KeyName, Annotated[str, AfterValidator(_usable)]]


class NamedKey(NamedTuple):
    """One key; `digest` is the SHA-256 of what its holder sends."""

    grade: GradeName
    name: str
    digest: bytes


class SiteKeys(Table):
    """keys of a site. Absent ones of `write` and `admin` are generated and kept in the data directory.

    `page` signs page tokens; the site's own server has it, too.
    """

    write: KeysByName = Field({}, repr=False)
    editor: KeysByName = Field({}, repr=False)
    admin: KeysByName = Field({}, repr=False)
    page: str | None = Field(None, min_length=LEAST_CHARACTERS, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {
            grade: ({grade: keys} if isinstance(keys, str) else keys or {}) if grade in GRADES else keys
            for grade, keys in given.items()
        }

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [each.name for each in self.named()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"a name of its own for every key of the site: two are called {name}")
        return self

    def by_name(self, grade: GradeName) -> Mapping[str, str]:
        """The keys of a grade by their names, as the settings write them."""
        found: Mapping[str, str] = getattr(self, grade)
        return found

    def plain(self, grade: GradeName) -> str | None:
        """A key of a grade that can be sent; None where only hashes are known."""
        return next((key for key in self.by_name(grade).values() if not key.startswith(HASHED)), None)

    def named(self) -> Iterator[NamedKey]:
        """Every key of the site."""
        for grade in GRADES:
            for name, key in self.by_name(grade).items():
                digest = hashed(key) if not key.startswith(HASHED) else key
                yield NamedKey(grade, name, bytes.fromhex(digest.removeprefix(HASHED)))
