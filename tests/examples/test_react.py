"""The React example is a package that an app installs, with types that hold; it renders the service's list."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from newsrooms import EXAMPLES, NASTY, NONSENSE, TITLES, Page, misbehaving, silent
from node_lines import running_node
from service import Service

from api.endpoints.embed import DECLARATIONS

PACKAGE = EXAMPLES / "react"
FOLDER = EXAMPLES.parent / "tests" / "examples"
#: Nothing is asked of a registry: React, which the package needs, is there.
INSTALL = ["npm", "install", "--offline", "--no-audit", "--no-fund", "--install-links", "--legacy-peer-deps"]
NOTHING = '<populer-list list="populer" limit="7"></populer-list>'

Render = Callable[..., str]


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Render]:
    """Renders a component of the installed package under its props."""
    node = shutil.which("node")
    modules = Path(os.environ.get("POPULER_NODE_MODULES", "node_modules"))
    if node is None or shutil.which("npm") is None or not (modules / "typescript").is_dir():
        pytest.skip("there is no Node with React and TypeScript here: make test-examples")
    folder = tmp_path_factory.mktemp("react")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    subprocess.run([*INSTALL, str(PACKAGE)], cwd=folder, check=True, timeout=120, stdout=subprocess.DEVNULL)
    for each in modules.resolve().glob("[!.]*"):
        (folder / "node_modules" / each.name).symlink_to(each)
    with running_node(node, str(FOLDER / "react_render.mjs"), str(FOLDER / "react_app.tsx"), cwd=folder) as lines:
        faults = lines.read()
        assert faults == "", faults

        def rendered(what: str, **props: Any) -> str:
            return str(lines.ask(what=what, props=props))

        yield rendered


def test_the_package_has_the_types_that_the_service_serves() -> None:
    assert (PACKAGE / DECLARATIONS.name).read_bytes() == DECLARATIONS.read_bytes()


def test_the_script_names_the_article(render: Render, service: Service) -> None:
    found = [render("PopulerScript", service=service.url + "/", **item) for item in ({"item": NASTY}, {})]
    tags = [Page(each).of("script") for each in found]
    assert [tag["data-item"] for (tag,) in tags] == [NASTY, ""]
    assert tags[0][0]["src"] == f"{service.url}/populer.js"


def test_a_list_is_shown_as_the_service_has_it(render: Render, service: Service) -> None:
    page = Page(render("PopulerList", service=service.url, theme="thumbs", live=True))
    assert page.of("populer-list") == [{"list": "populer", "limit": "7", "theme": "thumbs", "live": ""}]
    assert page.text_of("populer-link") == list(TITLES.values())


def test_the_open_article_is_left_out(render: Render, service: Service) -> None:
    page = Page(render("PopulerList", service=service.url, limit=2, item="101"))
    assert [each["data-id"] for each in page.of("li")] == ["102", "103"]


def test_attributes_are_escaped(render: Render, service: Service) -> None:
    page = Page(render("PopulerList", service=service.url, list=NASTY, heading=NASTY))
    assert page.of("populer-list") == [{"list": NASTY, "limit": "7", "heading": NASTY}]
    assert {tag for tag, _ in page.elements} == {"populer-list"}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_service_that_talks_nonsense_leaves_the_place_empty(render: Render, answer: Any) -> None:
    with misbehaving(answer) as url:
        assert render("PopulerList", service=url) == NOTHING


def test_a_service_that_does_not_answer_is_given_up(render: Render) -> None:
    never = threading.Event()
    with misbehaving(silent(never)) as url:
        assert render("PopulerList", service=url) == NOTHING
        never.set()
    assert render("PopulerList", service=url) == NOTHING, "and so is one that is gone"
