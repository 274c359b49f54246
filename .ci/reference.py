"""Write the reference pages of docs/ from the code: `.venv/bin/python .ci/reference.py`, or `make reference`.

The command line is what `--help` prints, HTTP what /openapi.json says, the settings what populer.example.toml has,
which a test holds to the code. tests/test_reference_pages.py says when they are stale.
"""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
WIDTH = 110
MADE = "This page is made from the code by `make reference`.\n"
KEYS = {"writeKey": "write", "editorKey": "editor", "adminKey": "admin"}
#: What any request may be answered with is said once.
EVERYWHERE = {"414", "431"}

sys.path.insert(0, str(ROOT))


def command_line() -> str:
    """What `populer --help` and each command's help print."""
    import typer

    from populer.cli import app

    root = typer.main.get_command(app)
    text = [
        f"# Command line\n\n{MADE}\n`populer` and `python -m populer` are the same. Exit codes: 0 done, 1 a clear error"
        " on stderr, 2 usage.\nWith `--json` a command prints one JSON document on stdout."
    ]

    def walk(command: Any, path: str) -> Iterator[tuple[str, str]]:
        context = command.context_class(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH)
        for name, each in getattr(command, "commands", {}).items():
            if not each.hidden:
                yield from walk(each, f"{path} {name}")
        if not getattr(command, "commands", None):
            yield path, re.sub(r"[ \t]+$", "", command.get_help(context), flags=re.MULTILINE)

    for path, help_text in walk(root, "populer"):
        text.append(f"## `{path}`\n\n```text\n{help_text.strip()}\n```")
    return "\n\n".join(text) + "\n"


def http() -> str:
    """Every path of the OpenAPI document, by its tag."""
    document = asyncio.run(_openapi())
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(method.upper(), path, operation))
    intro = (
        f"# HTTP\n\n{MADE}\nThe running service has the same at `/docs`, to be tried out, and as `/openapi.json`. "
        "Bodies are JSON in UTF-8, errors\nproblem+json (RFC 9457). A key is sent as "
        "`Authorization: Bearer …`; `?site=` chooses a site where there are several.\nAny request may be answered "
        "with 414 or 431 where its address or its head is too long."
    )
    parts = [f"## {tag.capitalize()}\n\n" + "\n\n".join(found) for tag, found in by_tag.items()]
    return "\n\n".join([intro, *parts]) + "\n"


async def _openapi() -> Any:
    import httpx2

    from api.app import create_app
    from ranking.settings.service import Settings
    from ranking.store.redis.store import RedisStore

    app = create_app(Settings(), RedisStore("redis://127.0.0.1:1", known_shards=1), clock=lambda: 0.0)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://populer") as client:  # type: ignore[arg-type]
        return (await client.get("/openapi.json")).json()


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    grades = [KEYS[name] for each in operation.get("security", []) for name in each]
    public = {} in operation.get("security", [{}])
    who = "no key" if public and not grades else f"{' or '.join(grades)} key" + (", or none" if public else "")
    answers = [status for status in operation["responses"] if status not in EVERYWHERE]
    summary = operation.get("summary", "").rstrip(".")
    lines = [f"### `{method} {path}`", "", f"{summary}{'' if summary.endswith('?') else '.'} Who: {who}."]
    lines[-1] += f" Answers: {', '.join(answers)}."
    if about := operation.get("description", "").strip():
        lines += ["", about]
    if parameters := operation.get("parameters", []):
        lines += ["", "| parameter | in | says |", "|---|---|---|"]
        lines += [f"| `{each['name']}` | {each['in']} | {_about(each)} |" for each in parameters]
    return "\n".join(lines)


def _about(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    said = [_type(schema), parameter.get("description", "").replace("\n", " ").replace("|", "\\|")]
    if parameter.get("required"):
        said.insert(1, "required")
    return "; ".join(part for part in said if part)


def _type(schema: dict[str, Any]) -> str:
    if options := schema.get("enum"):
        return "one of " + ", ".join(f"`{option}`" for option in options)
    name = str(schema.get("type", "text")).replace("string", "text")
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    default = [f"default `{schema['default']}`"] if schema.get("default") not in (None, "") else []
    return " ".join([name, *bounds, *default])


def settings() -> str:
    """populer.example.toml, a heading for each of its tables."""
    head, *tables = re.split(r"(?m)^(?=\[)", (ROOT / "populer.example.toml").read_text())
    about = "\n".join(line.removeprefix("# ").removeprefix("#") for line in head.splitlines())
    text = [f"# Settings\n\n{MADE}\n{about.strip()}\n"]
    for table in tables:
        name = re.match(r"\[+([\w.-]+)\]+", table)
        text.append(f"## `{name[1] if name else ''}`\n\n```toml\n{table.strip()}\n```")
    return "\n\n".join(part.strip() for part in text) + "\n"


def pages() -> dict[Path, str]:
    """Every page that is made, by its file."""
    return {PAGES / "cli.md": command_line(), PAGES / "http.md": http(), PAGES / "settings.md": settings()}


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for file, content in pages().items():
        file.write_text(content)
