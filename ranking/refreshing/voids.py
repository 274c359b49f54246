"""Voids of an item: made, listed, lifted. From the next refresh on they are in every list.

A void has the whole buckets that its span touches, as counts know no finer time. Those that all that is kept is younger
than are cleared away when another one is made.
"""

import math
from typing import NamedTuple

import msgspec

from ranking.counts.buckets import bucket_start
from ranking.errors import InvalidEditError, NotFoundError, TooManyEditsError
from ranking.intake.items import why_bad_id
from ranking.intake.referrers import REFERRER_SOURCE
from ranking.published.edits import MAX_VOIDS, Edits, Subject, Void, check_edit
from ranking.settings.service import RetentionSettings
from ranking.store.edits import EditStore


class NumberedVoid(NamedTuple):
    """A void of an item under its number."""

    number: int
    void: Void


async def make_void(
    edits: EditStore, site: str, item: str, void: Void, *, by: str, now: float, retention: RetentionSettings
) -> NumberedVoid:
    """Make a void as of `now` (epoch seconds), of whole buckets; `by` as in `EditStore.change`.

    Raises:
        InvalidEditError: it cannot be made; the sentence names the field.
        TooManyEditsError: the site has all that it may have.
    """
    if problem := why_bad_id(item):
        raise InvalidEditError(f"item: {problem}")
    if not all(math.isfinite(moment) for moment in (void.since, void.until or 0.0)):
        raise InvalidEditError("from and to: must be moments")
    if any(source.startswith(REFERRER_SOURCE) for source in void.sources):
        raise InvalidEditError(
            f"sources: {REFERRER_SOURCE}… are views without a source; void views of all sources instead"
        )
    check_edit(void, now)
    whole = _of_whole_buckets(void, retention.bucket_s)
    known = (await edits.read(site)).edits
    voids = {subject: edit for subject, edit in known.items() if isinstance(edit, Void)}
    kept_since = now - retention.keep_s
    over = [subject for subject, edit in voids.items() if edit.until is not None and edit.until <= kept_since]
    if len(voids) - len(over) >= MAX_VOIDS:
        raise TooManyEditsError(f"The site has {MAX_VOIDS} voids. Lift some first.")
    number = await edits.next_void(site)
    await edits.change(site, {_subject(item, number): whole}, by, over)
    return NumberedVoid(number, whole)


async def lift_void(edits: EditStore, site: str, item: str, number: int, *, by: str) -> None:
    """Lift a void; its events weigh again what they did.

    Raises:
        NotFoundError: the item has no such void.
    """
    known = await edits.read(site)
    subject = _subject(item, number)
    if subject not in known.edits:
        numbers = ", ".join(str(each.number) for each in voids_of(known, item)) or "none"
        raise NotFoundError(f"item {item!r} has no void {number}; it has {numbers}")
    await edits.change(site, {subject: None}, by)


def voids_of(edits: Edits, item: str) -> list[NumberedVoid]:
    """The voids of an item by their numbers."""
    return sorted(
        (
            NumberedVoid(int(subject.section), edit)
            for subject, edit in edits.edits.items()
            if isinstance(edit, Void) and subject.item == item
        ),
        key=lambda each: each.number,
    )


def _subject(item: str, number: int) -> Subject:
    return Subject("void", "", str(number), item)


def _of_whole_buckets(void: Void, bucket_s: int) -> Void:
    until = void.until
    whole = bucket_start(until, bucket_s) if until is not None else None
    if until is not None and whole is not None and whole < until:
        whole += bucket_s
    return msgspec.structs.replace(
        void, since=float(bucket_start(void.since, bucket_s)), until=None if whole is None else float(whole)
    )
