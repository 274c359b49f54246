"""Templates of an operator's: they take the place of ours, are refused where they cannot be used, and break no page."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import structlog
from html_elements import HOSTILE, Elements
from servers import NOW, Service

from api.serving.template_check import check_templates
from api.serving.templating import names
from populer.config import load
from ranking.errors import SettingsError
from ranking.settings.service import Settings

Serve = Callable[..., Awaitable[Service]]
PAGE, FRAGMENT = "/lists/populer", "/v1/lists/populer?format=html"
OWN = '<p lang="{{ language }}">{% for row in rows %}{{ row.rank }}. {{ row.title }} {% endfor %}</p>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    return folder


@pytest.fixture
async def service(serve: Serve, folder: Path) -> Service:
    """A service that looks for templates in `folder`; one item is listed."""
    service = await serve(service={"templates": str(folder)})
    await service.put({"id": "a", "title": HOSTILE})
    await service.view(a=2)
    await service.refresh()
    return service


async def text(service: Service, path: str) -> str:
    answer = await service.http.get(path)
    assert answer.status_code == 200
    return answer.text


async def ready_says(service: Service) -> object:
    return (await service.http.get("/readyz")).json()["templates"]


def write(path: Path, content: str, later_s: int = 0) -> None:
    """Write a template; a file is read anew when its time of change is another."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    os.utime(path, (NOW + later_s, NOW + later_s))


async def test_without_any_ours_are_used(service: Service) -> None:
    assert "populer-rows" in await text(service, FRAGMENT)
    assert "content-security-policy" in (await service.http.get(PAGE)).headers
    assert await ready_says(service) == "ok"


async def test_theirs_take_the_place_of_ours_and_are_escaped(service: Service, folder: Path) -> None:
    write(folder / "fragment.html", OWN)
    found = Elements(await text(service, FRAGMENT))
    assert found.all("p") == [{"lang": "id"}]
    assert found.text("p")[0].startswith("1. </script><script>alert(1)</script>")
    assert {tag for tag, _ in found.found} == {"p"}


async def test_a_sites_own_go_before_those_of_all(service: Service, folder: Path) -> None:
    write(folder / "fragment.html", "all")
    write(folder / "koran" / "fragment.html", "koran")
    await service.http.post("/v1/events?site=kedua", json={"item": "a"})
    await service.refresh("kedua")
    assert await text(service, FRAGMENT) == "koran"
    assert await text(service, f"{FRAGMENT}&site=kedua") == "all"


async def test_theirs_can_go_out_from_ours(service: Service, folder: Path) -> None:
    """And say their own policy: what ours is held to may be too strict for them."""
    write(folder / "list.html", '{% extends "populer/list.html" %}{% block top %}<nav>Koran</nav>{% endblock %}')
    answer = await service.http.get(PAGE)
    found = Elements(answer.text)
    assert found.text("nav")[0] == "Koran"
    assert found.text("h1") == ["Populer"]
    assert "content-security-policy" not in answer.headers


async def test_a_part_of_theirs_is_used_in_ours(service: Service, folder: Path) -> None:
    write(folder / "rows.html", '<ul>{% for row in rows %}<li data-id="{{ row.id }}"></li>{% endfor %}</ul>')
    for path in (PAGE, FRAGMENT):
        assert [item["data-id"] for item in Elements(await text(service, path)).all("li")] == ["a"]
    assert "content-security-policy" in (await service.http.get(PAGE)).headers


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{% for %}", "fragment.html, line 1: Expected an expression"),
        ("a\n{{ nobody.name }}", "fragment.html, line 2: 'nobody' is undefined"),
        (
            "\n\n{{ rows[0].titel }}",
            "fragment.html, line 3: a row has no `titel`; it has rank, id, title, url, image, section, label, moment",
        ),
        ("{{ words.moree }}", "fragment.html, line 1: `words` has no `moree`; it has more, views, all_sections,"),
        ("{{ 1 // 0 }}", "fragment.html, line 1: ZeroDivisionError"),
        ('{% include "nowhere.html" %}', "nowhere.html"),
        ('{% extends "fragment.html" %}', "RecursionError"),
    ],
)
async def test_templates_with_a_fault_are_refused_at_start_and_replaced_later(
    service: Service, folder: Path, template: str, sentence: str
) -> None:
    ours = await text(service, FRAGMENT)
    write(folder / "fragment.html", template)
    with pytest.raises(SettingsError) as told:
        check_templates(service.settings)
    assert str(told.value).startswith("service.templates: ")
    assert sentence in str(told.value)
    await service.refresh()
    with structlog.testing.capture_logs() as logs:
        assert await text(service, FRAGMENT) == ours
        await service.refresh()
        assert await text(service, FRAGMENT) == ours
    assert [each["template"] for each in logs if "template" in each] == ["fragment.html"]
    said = await ready_says(service)
    assert isinstance(said, dict)
    assert sentence in said["fragment.html"]
    assert "populer-rows" in await text(service, PAGE)
    write(folder / "fragment.html", "mended", later_s=9)
    await service.refresh()
    assert await text(service, FRAGMENT) == "mended"
    assert await ready_says(service) == "ok"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{% for tab in tabs %}{{ tab.url }}{% endfor %}", "a tab has no `url`; it has name, href, current"),
        ("{{ feeds[0].url }}", "a feed has no `url`; it has type, href"),
    ],
)
def test_check_templates_names_what_a_page_has(folder: Path, template: str, sentence: str) -> None:
    write(folder / "list.html", template)
    with pytest.raises(SettingsError, match=f"list.html, line 1: {sentence}"):
        check_templates(Settings.model_validate({"service": {"templates": folder}}))


async def test_what_is_no_text_breaks_nothing(service: Service, folder: Path) -> None:
    (folder / "list.html").write_bytes(b"\xff\xfe")
    (folder / "fragment.html").mkdir()
    for path in (PAGE, FRAGMENT):
        assert "populer-rows" in await text(service, path)
    with pytest.raises(SettingsError, match=r"service\.templates"):
        check_templates(service.settings)


async def test_a_folder_that_goes_away_breaks_nothing(service: Service, folder: Path) -> None:
    folder.rename(f"{folder}-gone")  # noqa: ASYNC240 - a moment
    assert "populer-rows" in await text(service, PAGE)
    with pytest.raises(SettingsError, match=r"expected a folder with some of fragment\.html, list\.html"):
        check_templates(service.settings)


def test_a_file_of_settings_that_names_broken_templates_is_refused(tmp_path: Path, folder: Path) -> None:
    settings = tmp_path / "populer.toml"
    settings.write_text(f'[service]\ntemplates = "{folder}"\n[[sites]]\nid = "koran"\nlocale = "ms"')
    assert load(settings, {}).settings.service.templates == folder
    write(folder / "koran" / "list.html", "{{ title }")
    with pytest.raises(SettingsError, match=r"service\.templates: list\.html, line 1"):
        load(settings, {})


def test_every_template_of_ours_is_tried(folder: Path) -> None:
    for name in names():
        (folder / name).write_text("{{ nobody }}")
        with pytest.raises(SettingsError, match=f"{name}, line 1: 'nobody' is undefined"):
            check_templates(Settings.model_validate({"service": {"templates": folder}}))
        (folder / name).unlink()
    check_templates(Settings.model_validate({"service": {"templates": folder}}))
