"""What pages tell people to type is understood: commands, settings, requests and JSON in their code blocks.

That the steps of the quick start work is in tests/populer/test_docs_steps.py.
"""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import manual
import pytest
import typer

from populer.cli import app
from populer.config import validated

ROOT = manual.ROOT
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").glob("*/README.md"))]
SERVICE = re.compile(r"http://127\.0\.0\.1:8000(/[\w./{}-]*)?")
BEFORE = ("uvx", "--from", ".")


def blocks(language: str) -> list[Any]:
    """Every code block of a language: a parameter for a test, named by its page and number."""
    params = []
    for page in PAGES:
        name = f"{page.relative_to(ROOT)}"
        for number, text in enumerate(manual.blocks(name, language), 1):
            params.append(pytest.param(text, id=f"{name} {number}"))
    return params


def lines(script: str) -> Iterator[list[str]]:
    """The words of a shell script's lines, of which a quotation may take several; signs are words of their own."""
    line = ""
    for part in re.sub(r"(^|\s)#.*", "", script.replace("\\\n", " "), flags=re.MULTILINE).splitlines():
        line += part
        words = shlex.shlex(line, posix=True, punctuation_chars=";|&<>")
        words.whitespace_split, words.commenters = True, ""
        try:
            yield list(words)
        except ValueError:  # a quotation goes on
            line += " "
        else:
            line = ""
    assert not line, "a quotation has no end"


def commands(script: str) -> Iterator[list[str]]:
    """The calls of `populer` in a shell script, without its name."""
    for line in lines(script):
        call: list[str] = []
        for word in [*line, ";"]:
            if re.fullmatch(r"[;|&<>]+", word):
                while call and (call[0] in ("do", "done") or "=" in call[0] or call[0] in BEFORE):
                    call.pop(0)
                if call and Path(call[0]).name == "populer":
                    yield call[1:]
                call = []
            else:
                call.append(word)


def parse(arguments: list[str]) -> None:
    """Have the command line read a call as far as it can without carrying it out."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("populer", [*arguments])
    while hasattr(command, "commands"):
        name, command, arguments = command.resolve_command(context, arguments)
        context = command.make_context(name, [*arguments], parent=context)


@pytest.mark.parametrize("script", blocks("sh"))
def test_a_command_line_in_a_page_is_understood(script: str) -> None:
    for arguments in commands(script):
        parse(arguments)


def test_a_command_that_does_not_exist_is_not_understood() -> None:
    with pytest.raises(Exception, match=r"[Nn]o such"):
        parse(["rank", "--half-life", "6h"])
    assert list(commands("cat x | populer replay - # so\n.venv/bin/populer rank \\\n --json")) == [
        ["replay", "-"],
        ["rank", "--json"],
    ]


@pytest.mark.parametrize("settings", blocks("toml"))
def test_settings_in_a_page_can_be_used(settings: str) -> None:
    site = "" if "[[sites]]" in settings else '[[sites]]\nid = "koran"\n'
    whole = (site + settings).replace("sha256:…", f"sha256:{'0' * 64}").replace("…", "0123456789abcdef")
    validated(tomllib.loads(whole))


@pytest.mark.parametrize("text", blocks("json"))
def test_json_in_a_page_is_json(text: str) -> None:
    json.loads(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_request_in_a_page_is_of_a_path_that_the_service_has(page: Path) -> None:
    reference = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    known = [
        re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) for path in re.findall(r"^### `\w+ (.+)`", reference, re.M)
    ]
    asked = {path for path in SERVICE.findall(page.read_text(encoding="utf-8")) if path}
    unknown = {path for path in asked if not any(re.fullmatch(each, path) for each in [*known, "/docs"])}
    assert not unknown
