"""Every path that a page, a docstring or a comment names is there, and every room says what lives in it."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ranking", "api", "jobs", "populer")
FOLDERS = (*PACKAGES, "tests", "bench", "docs", "deploy", "examples")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
SOURCES = sorted(source for folder in FOLDERS for source in (ROOT / folder).rglob("*.py"))
ROOMS = sorted(
    {init.parent for package in PACKAGES for init in (ROOT / package).rglob("__init__.py")}
    | {script.parent for script in (ROOT / "ranking").rglob("*.lua")}
    | {ROOT / "tests", ROOT / "bench"}
)

#: A path from the root on. What follows `extends` is the name of a template.
PATH = re.compile(
    rf"""(?<![\w./@-])(?<!extends ")(?:{"|".join(FOLDERS)})/[\w./-]*\w\.(?:py|md|lua|js|css|html|toml|conf|csv)\b"""
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
OWN_MODULE = re.compile(r"`(\w+\.(?:py|lua))`")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose_of(source: str) -> Iterator[str]:
    """The comments of a module, and its strings that stand by themselves: docstrings, of attributes too."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def missing(text: str) -> set[str]:
    return {path for path in PATH.findall(text) if not (ROOT / path).exists()}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    assert not missing(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (heading and heading not in anchors_of(target)):
            broken.append(link)
    assert not broken


def anchors_of(page: Path) -> set[str]:
    """The names of a page's headings, as they stand in addresses."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_comments_and_docstrings_name_only_files_that_exist() -> None:
    stale = {
        relative(source): paths
        for source in SOURCES
        if (paths := {path for text in prose_of(source.read_text(encoding="utf-8")) for path in missing(text)})
    }
    assert not stale


def test_scripts_and_settings_name_only_files_that_exist() -> None:
    files = [*(ROOT / "ranking").rglob("*.lua"), ROOT / "populer.example.toml", ROOT / "pyproject.toml"]
    assert not {relative(file): paths for file in files if (paths := missing(file.read_text(encoding="utf-8")))}


@pytest.mark.parametrize("room", ROOMS, ids=relative)
def test_a_room_says_what_lives_in_it(room: Path) -> None:
    text = (room / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {relative(room)}\n")
    assert not [name for name in OWN_MODULE.findall(text) if not (room / name).exists()]
