"""Page templates: the built-in ones, or an operator's in their place.

A folder of the operator (`service.templates`) is read when it is needed; a changed file is read again. At start and at
every reload its templates are rendered with sample lists, and a fault refuses the settings. A later fault is logged
once and shown at /readyz, and readers get the built-in page.
"""

import os
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

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
    TemplateRuntimeError,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.utils import missing

log = structlog.get_logger("api")

OURS: Final = Path(__file__).parents[1] / "templates"
PREFIX = "populer"
"""Prefix of the built-in templates for an operator's: `{% extends "populer/list.html" %}`."""

T = TypeVar("T")
_NAMES: dict[type, str] = {}


def named_in_templates(name: str) -> Callable[[type[T]], type[T]]:
    """Give a class of template values the name that faults call it by, such as `a row`."""

    def register(kind: type[T]) -> type[T]:
        _NAMES[kind] = name
        return kind

    return register


class _Unknown(StrictUndefined):
    """A name that a template uses and that there is not: the fault says which there are."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[TemplateRuntimeError] = UndefinedError,
    ) -> None:
        called = _NAMES.get(type(obj))
        if hint is None and called is not None:
            hint = f"{called} has no `{name}`; it has {', '.join(obj._fields)}"
        super().__init__(hint, obj, name, exc)


class Page(NamedTuple):
    """A rendered template; `ours`: a built-in one."""

    text: str
    ours: bool


class Templates:
    """The templates of one worker. `faults` maps each template that cannot be used to the reason."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.faults: dict[str, str] = {}
        self._of_site: dict[str, tuple[object, Environment]] = {}

    def page(self, site: str, name: str, values: Mapping[str, Any]) -> Page:
        """The template `name` of a site, rendered with `values`."""
        if self.folder is not None:
            try:
                found = self.theirs(site, name)
                page = Page(found.render(values), found.filename == str(OURS / name))
            except Exception as error:  # whatever an operator has written, a reader gets a list
                self._note(name, error)
            else:
                self.faults.pop(name, None)
                return page
        return Page(_ours().get_template(name).render(values), ours=True)

    def theirs(self, site: str, name: str) -> Template:
        """The operator's template for a site; the built-in one where there is none.

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
            log.error(
                "A template was replaced by the built-in one. Correct it.",
                template=name,
                error=sentence,
            )
        self.faults[name] = sentence


def names() -> list[str]:
    """Names of the built-in templates."""
    return sorted(path.name for path in OURS.iterdir())


def _listing(folder: Path) -> dict[str, int]:
    """Files of a folder and their times of change (ns); empty if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat().st_mtime_ns for entry in entries}
    except OSError:
        return {}


def fault_of(error: Exception) -> str:
    """File, line and reason of a template's fault, in the template's words."""
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
        undefined=_Unknown,
        auto_reload=auto_reload,
    )
