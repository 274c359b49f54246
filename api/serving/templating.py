"""The pages' templates: ours, or those that an operator has put in their place.

A folder of the operator's (`service.templates`) is looked at when it is needed, a file that has changed is read anew.
It is tried with sample lists at the start and at every reload, and refused with a sentence. What breaks after that, or
with what a list holds, is logged once and shown at /readyz; readers get the page that our templates make.
"""

import os
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
)

log = structlog.get_logger("api")

OURS: Final = Path(__file__).parents[1] / "templates"
PREFIX = "populer"
"""Under this prefix a template of theirs finds the one of ours: `{% extends "populer/list.html" %}`."""


class Page(NamedTuple):
    """What was made of a template; `ours`: of one that is ours."""

    text: str
    ours: bool


class Templates:
    """The templates of one worker. `faults` says of each that could not be used why, until it can be."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.faults: dict[str, str] = {}
        self._of_site: dict[str, tuple[object, Environment]] = {}

    def page(self, site: str, name: str, values: Mapping[str, Any]) -> Page:
        """The template `name` of a site, filled in."""
        if self.folder is not None:
            try:
                found = self.theirs(site, name)
                page = Page(found.render(values), found.filename == str(OURS / name))
            except Exception as error:  # whatever they have written, a reader gets a list
                self._note(name, error)
            else:
                self.faults.pop(name, None)
                return page
        return Page(_ours().get_template(name).render(values), ours=True)

    def theirs(self, site: str, name: str) -> Template:
        """The template that their folder has for a site; ours where there is none.

        Raises:
            TemplateError: it cannot be read.
        """
        folders = [self.folder / site, self.folder] if self.folder else []
        there = [_listing(folder) for folder in folders]
        listed, found = self._of_site.get(site, (None, None))
        if found is None or listed != there:
            found = _environment(FileSystemLoader([*folders, OURS]))
            self._of_site[site] = there, found
        return found.get_template(name)

    def _note(self, name: str, error: Exception) -> None:
        sentence = fault_of(error)
        if self.faults.get(name) != sentence:
            log.error("a template cannot be used, ours takes its place", template=name, error=sentence)
        self.faults[name] = sentence


def names() -> list[str]:
    """The templates that there are."""
    return sorted(path.name for path in OURS.iterdir())


def _listing(folder: Path) -> dict[str, int]:
    """The files of a folder, and when each was changed (ns): one that comes or goes changes what a name stands for."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat().st_mtime_ns for entry in entries}
    except OSError:
        return {}


def fault_of(error: Exception) -> str:
    """What is wrong with a template, and in which line of which file."""
    where = ""
    if isinstance(error, TemplateSyntaxError):
        where = f"{Path(error.filename or error.name or '').name}, line {error.lineno}: "
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".html")]
        if frames:
            where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: "
    message = " ".join(str(error).split()) or type(error).__name__
    return where + (message if isinstance(error, TemplateError) else f"{type(error).__name__}: {message}")


@cache
def _ours() -> Environment:
    return _environment(FileSystemLoader(OURS), auto_reload=False)


def _environment(loader: BaseLoader, *, auto_reload: bool = True) -> Environment:
    return Environment(
        loader=ChoiceLoader([PrefixLoader({PREFIX: FileSystemLoader(OURS)}), loader]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=auto_reload,
    )
