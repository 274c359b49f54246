"""Files of pages that the service renders itself.

A page's files have one folder, named by all their contents, so that modules import each other by relative names and
everything is cached for good.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from api.http.assets import FOR_GOOD, NO_HEADERS, TYPES, Asset, asset_in, name_of
from api.http.problems import Problem


class PageFiles:
    """The files of `folder`, and the templates among them. `address`: that of the page, below the service's."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._address = address

    @cached_property
    def assets(self) -> dict[str, Asset]:
        """The files by name."""
        return {file.name: asset_in(file) for file in sorted(self._folder.iterdir()) if file.suffix in TYPES}

    @cached_property
    def folder_name(self) -> str:
        """The name of the folder that the files are served in: that of all their contents."""
        return name_of("".join(f"{name} {asset.name}\n" for name, asset in self.assets.items()).encode())

    @property
    def path(self) -> str:
        """Where the files are, below the service's address."""
        return f"{self._address}/{self.folder_name}"

    @cached_property
    def _templates(self) -> Environment:
        loader = FileSystemLoader(self._folder)
        return Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    def page(self, template: str, **values: Any) -> str:
        """A page as HTML."""
        return self._templates.get_template(template).render(values)

    async def response(
        self, request: Request, folder: str, name: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Response:
        """One file. An older folder has the current files: while a service is updated, both are asked for.

        Raises:
            Problem: 404, there is no such file.
        """
        asset = self.assets.get(name)
        if asset is None:
            raise Problem(404, "not found", f"There is no such file. The page is at /{self._address}.")
        return await asset.response(request, FOR_GOOD if folder == self.folder_name else "no-cache", headers)
