"""Episodes: how long an alarm lasts, and which receiver has been told what of it. Pure: `jobs/alarm_sender.py` sends.

An alarm is told when it is raised, once an hour while it lasts, and when it is over. What has been told is a part of
the episode, and not a queue of messages: a receiver that was away is told how things are now, and nothing piles up.

Rejected: the end of an alarm at once. One that comes and goes would be two messages a minute.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from ranking.settings.webhooks import WebhookSettings
from ranking.times import DAY_S, HOUR_S
from ranking.watching.alarms import MOST_NAMED, Alarm

Event = Literal["raised", "lasts", "over", "test"]
#: An alarm's name, and the id of the site that it is about; "": of the service.
Key = tuple[str, str]

REPEAT_S: Final = float(HOUR_S)
#: An alarm is over when it has not been raised for so long.
OVER_AFTER_S: Final = 60.0
#: A receiver that could not be told of an end for so long is not told any more.
GIVEN_UP_S: Final = float(DAY_S)


class Raised(NamedTuple):
    """The alarms that a worker raises, at a moment of the store's clock (epoch seconds)."""

    at: float
    alarms: tuple[Alarm, ...]


class Episode(msgspec.Struct, frozen=True):
    """One alarm from its beginning to its end. Times in epoch seconds.

    `says`: a sentence for each list or item that it is about; `told`: when each receiver was last told that it lasts;
    `told_over`: the receivers that know of its end.
    """

    alarm: str
    site: str
    says: tuple[str, ...]
    since: float
    over_at: float | None = None
    told: dict[str, float] = {}
    told_over: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What makes it one: there is one episode of an alarm and site at a time."""
        return self.alarm, self.site

    def wanted_by(self, webhook: WebhookSettings) -> bool:
        """Whether a receiver is to be told of it. What is about the whole service concerns every site."""
        of_site = not webhook.sites or not self.site or self.site in webhook.sites
        return of_site and (not webhook.alarms or self.alarm in webhook.alarms)

    def due(self, name: str, now: float) -> Event | None:
        """What the receiver `name` is to be told now."""
        if self.over_at is not None:
            return None if name in self.told_over else "over"
        if name not in self.told:
            return "raised"
        return "lasts" if now - self.told[name] >= REPEAT_S else None

    def after(self, name: str, now: float) -> "Episode":
        """The episode once the receiver `name` has been told what was due."""
        if self.over_at is not None:
            return msgspec.structs.replace(self, told_over=(*self.told_over, name))
        return msgspec.structs.replace(self, told={**self.told, name: now})

    def is_done(self, receivers: Mapping[str, WebhookSettings], now: float) -> bool:
        """Whether nobody is to be told anything of it any more."""
        if self.over_at is None:
            return False
        waiting = (name for name, each in receivers.items() if self.wanted_by(each) and name not in self.told_over)
        return now - self.over_at > GIVEN_UP_S or not any(waiting)


class ReceiverState(msgspec.Struct, frozen=True):
    """How a receiver has fared. `failures`: attempts in vain, one after the other, the last for `error`."""

    tried_at: float
    error: str | None = None
    failures: int = 0


def episodes_after(
    before: Mapping[Key, Episode], raised: Iterable[Alarm], absent: set[Key], now: float
) -> list[Episode]:
    """The episodes that begin, go on in other words or end. `absent`: those not raised for `OVER_AFTER_S`."""
    grouped: dict[Key, list[Alarm]] = {}
    for each in raised:
        grouped.setdefault((each.alarm, each.site or ""), []).append(each)
    found = []
    for key, alarms in grouped.items():
        says = _sentences(alarms)
        known = before.get(key)
        if known is None:
            since = min((each.since for each in alarms if each.since is not None), default=now)
            found.append(Episode(*key, says, since))
        elif known.over_at is not None:  # again, before all knew of its end
            told = {name: at for name, at in known.told.items() if name not in known.told_over}
            found.append(msgspec.structs.replace(known, says=says, over_at=None, told=told, told_over=()))
        elif known.says != says:
            found.append(msgspec.structs.replace(known, says=says))
    ended = (each for key, each in before.items() if key in absent and key not in grouped and each.over_at is None)
    return found + [msgspec.structs.replace(each, over_at=now) for each in ended]


def _sentences(alarms: Iterable[Alarm]) -> tuple[str, ...]:
    """A sentence for each thing that an alarm is about, of several workers' the last."""
    by_subject = {(each.list or "", each.item or ""): each.says for each in alarms}
    says = [by_subject[subject] for subject in sorted(by_subject)]
    others = len(says) - MOST_NAMED
    return tuple(says[:MOST_NAMED]) + ((f"{others} more like this",) if others > 0 else ())
