"""Rendezvous hashing: of some processes the one whose weight with a thing is the greatest has that thing.

Every process finds the same without asking another, and when one goes or comes only what it had or gets moves. Source:
Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998).
"""

from hashlib import blake2b


def weight(process: str, thing: str) -> bytes:
    """The weight of a process for a thing, by both their names; weights are compared, and have no other meaning."""
    return blake2b(f"{process}\n{thing}".encode(), digest_size=8).digest()
