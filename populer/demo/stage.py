"""What the demo shows of itself: the readers' clock, what was counted and what was not, and what goes on.

Simulated readers write here and pages read; the two buttons leave a wish that the readers look for. All of it is
of one worker's memory: the demo has one worker, and a worker that is started again begins anew.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from populer.demo.articles import Article
from populer.demo.audience import readers_clock
from populer.demo.newsdesk import Newsdesk
from populer.demo.service import ListedArticle
from ranking.times import DAY_S, HOUR_S

HAPPENINGS = 12


class Happening(NamedTuple):
    """Something to tell. `at` in epoch seconds."""

    at: float
    kind: str
    title: str
    path: str


class Attack:
    """Robots at one article: what they sent and what the service answered."""

    def __init__(self, target: Article, rank: int | None) -> None:
        self.target = target
        self.rank_before = rank
        self.sent = 0
        self.outcomes: Counter[str] = Counter()
        self.over = False

    def took(self, sent: int, outcomes: Mapping[str, int]) -> None:
        """`sent` more events were answered so."""
        self.sent += sent
        self.outcomes.update(outcomes)


class Stage:
    """See the module's docstring. `started_at`: epoch seconds."""

    def __init__(self, started_at: float, newsdesk: Newsdesk) -> None:
        self.started_at = started_at
        self.newsdesk = newsdesk
        self.reading = False
        """Whether readers read: not before the history is there."""
        self.views_per_s = 0.0
        self.outcomes: dict[str, int] = {}
        """Events by what became of them since the service's start: its own metrics."""
        self.clicks = 0
        """Clicks in lists, which count less."""
        self.attack: Attack | None = None
        self.urgent: Article | None = None
        self.wants_breaking = self.wants_robots = False
        self._happenings: deque[Happening] = deque(maxlen=HAPPENINGS)
        self._listed: dict[str, ListedArticle] = {}

    def tell(self, at: float, kind: str, article: Article) -> None:
        """Note that something has happened with an article."""
        self._happenings.appendleft(Happening(at, kind, article.title, article.path))

    def show(self, items: Iterable[ListedArticle]) -> None:
        """The list is now so."""
        self._listed = {item.id: item for item in items}

    @property
    def listed(self) -> list[str]:
        """The ids of the list by rank."""
        return list(self._listed)

    def rank(self, item: str) -> int | None:
        """The rank of an item in the whole list."""
        found = self._listed.get(item)
        return found.rank if found else None

    def rank_if_believed(self, attack: Attack) -> int | None:
        """The rank that the attack's article would have if all that robots sent were counted, fading aside."""
        target = self._listed.get(attack.target.id)
        if target is None or target.score is None:
            return None
        score = target.score + attack.sent - attack.outcomes["accepted"]
        others = [item.score or 0.0 for item in self._listed.values() if item is not target]
        return 1 + sum(other > score for other in others)

    def state(self, now: float) -> dict[str, Any]:
        """All of it at `now` (epoch seconds), for the page's script."""
        clock = int(readers_clock(now - self.started_at))
        return {
            "clock": f"{clock // HOUR_S:02d}.{clock % HOUR_S // 60:02d}",
            "day": round(clock / DAY_S, 4),
            "views_per_s": round(self.views_per_s, 1),
            "outcomes": self.outcomes,
            "clicks": self.clicks,
            "newest": self.newest(),
            "urgent": self._urgent(),
            "attack": self._attack(),
            "happenings": [happening._asdict() for happening in self._happenings],
        }

    def newest(self) -> dict[str, Any]:
        """The latest headline."""
        article = self.newsdesk.stories[0].article
        return {"title": article.title, "path": article.path, "urgent": self.newsdesk.urgent(article.id)}

    def _urgent(self) -> dict[str, Any] | None:
        if self.urgent is None:
            return None
        return {"title": self.urgent.title, "path": self.urgent.path, "rank": self.rank(self.urgent.id)}

    def _attack(self) -> dict[str, Any] | None:
        attack = self.attack
        if attack is None:
            return None
        return {
            "title": attack.target.title,
            "id": attack.target.id,
            "sent": attack.sent,
            "outcomes": dict(attack.outcomes),
            "over": attack.over,
            "rank_before": attack.rank_before,
            "rank": self.rank(attack.target.id),
            "rank_if_believed": self.rank_if_believed(attack),
        }
