"""The page on formats has a row for every key."""

import inspect
import re
from pathlib import Path

from ranking.store.redis import keys

PAGE = Path(__file__).parents[4] / "docs" / "formats.md"


def test_every_key_is_on_the_page_on_formats() -> None:
    page = PAGE.read_text()
    made = re.findall(r'"populer:(?:\{[^:"]*\}:)?([a-z-]+)', inspect.getsource(keys))
    assert len(made) > 50
    assert [name for name in made if not re.search(rf"`(?:populer:(?:\S+:)?)?{name}[:`]", page)] == []
