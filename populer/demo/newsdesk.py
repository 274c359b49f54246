"""What the newsroom has published by now, and what it holds back for later.

Pages and simulated readers look at the same desk, so an article is on the front page the moment it is out.
"""

from collections.abc import Sequence

from populer.demo.articles import Article, Story, load_articles
from ranking.times import MINUTE_S


class Newsdesk:
    """See the module's docstring. `started_at`: epoch seconds from which the first articles' age counts back."""

    def __init__(
        self,
        started_at: float,
        articles: Sequence[Article],
        wire: Sequence[Article] = (),
        breaking: Sequence[Article] = (),
    ) -> None:
        self.stories: list[Story] = []
        """Newest first."""
        self._wire, self._breaking = list(wire), list(breaking)
        self._urgent: list[str] = []
        for article in articles:
            self._place(Story(article, started_at - article.minutes_ago * MINUTE_S))

    @property
    def held(self) -> list[Article]:
        """What is not out yet."""
        return [*self._wire, *self._breaking]

    def story(self, item: str) -> Story | None:
        """The story of this id, if it is out."""
        return next((story for story in self.stories if story.article.id == item), None)

    def urgent(self, item: str) -> bool:
        """Whether it came out as breaking news."""
        return item in self._urgent

    def publish(self, article: Article, at: float) -> Story:
        """Have a held article come out at `at` (epoch seconds)."""
        if article in self._breaking:
            self._breaking.remove(article)
            self._urgent.append(article.id)
        else:
            self._wire.remove(article)
        return self._place(Story(article, at))

    def next_wire(self) -> Article | None:
        """What comes out next in the ordinary course of the day; None once all is out."""
        return self._wire[0] if self._wire else None

    def next_breaking(self) -> Article | None:
        """The next breaking news; None once all is out."""
        return self._breaking[0] if self._breaking else None

    def next_update(self) -> Story:
        """The breaking news that waits longest for a new turn, for when no other is left."""
        self._urgent.append(self._urgent.pop(0))
        story = self.story(self._urgent[-1])
        assert story is not None  # noqa: S101 - what was published stays
        return story

    def _place(self, story: Story) -> Story:
        self.stories.append(story)
        self.stories.sort(key=lambda each: each.published_at, reverse=True)
        return story


def sample_newsdesk(started_at: float) -> Newsdesk:
    """The desk of the demo that began at `started_at` (epoch seconds)."""
    return Newsdesk(started_at, load_articles(), load_articles("wire"), load_articles("breaking"))
