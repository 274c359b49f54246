"""The reference pages say what the code says."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MADE = runpy.run_path(str(ROOT / ".ci" / "reference.py"))["pages"]()


@pytest.mark.parametrize("page", MADE, ids=lambda page: page.name)
def test_a_reference_page_is_as_the_code_makes_it(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == MADE[page], "Run: make reference"


def test_the_command_line_has_every_command() -> None:
    text = next(text for page, text in MADE.items() if page.name == "cli.md")
    assert {"## `populer serve`", "## `populer replay`", "## `populer items import`", "## `populer keys add`"} <= set(
        text.splitlines()
    )
