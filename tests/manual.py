"""The code in the pages that people read, so that tests can run it as it stands there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a language in a page (its path from the root), in order, without their indentation."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
        for indent, found, code in _BLOCK.findall(text)
        if found == language
    ]


def block(page: str, language: str, holding: str = "") -> str:
    """The first block of a language in a page that has `holding` in it."""
    return next(each for each in blocks(page, language) if holding in each)
