"""Which of the jobs processes that live is to work for which site.

It goes by rendezvous hashing (see `ranking.rendezvous`): when a process goes or comes only the sites move that it had
or gets.

Rejected: sites dealt out in turn, which moves nearly all of them with every process that goes or comes.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from ranking.rendezvous import weight
from ranking.store.lease import JobsProcess


def owners(sites: Mapping[str, str], processes: Sequence[JobsProcess]) -> dict[str, str]:
    """The holder that each site belongs to.

    `sites`: site -> name of the process that it is pinned to, or nothing; one that is away is stood in for.

    >>> both = [JobsProcess(f"{name}:1:a", name, "", 1.0) for name in ("satu", "dua")]
    >>> owners({"koran": "", "radio": "satu"}, both)
    {'koran': 'dua:1:a', 'radio': 'satu:1:a'}
    >>> owners({"koran": "", "radio": "satu"}, both[1:])
    {'koran': 'dua:1:a', 'radio': 'dua:1:a'}
    """
    found = {}
    for site, name in sites.items():
        of_name = [each for each in processes if name and each.name == name] or processes
        if of_name:
            found[site] = max(of_name, key=lambda each: (weight(each.holder, site), each.holder)).holder
    return found


def digest(sites: Mapping[str, str]) -> str:
    """A name of `sites`: processes share the sites of the same settings."""
    text = "\n".join(f"{site} {name}" for site, name in sorted(sites.items()))
    return blake2b(text.encode(), digest_size=6).hexdigest()
