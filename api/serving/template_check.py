"""The check of an operator's templates: each is rendered with sample lists before readers see it."""

from typing import Any

from api.http.problems import Problem
from api.serving.formats import fragment_values
from api.serving.links import links_of
from api.serving.page_values import PageTurns, page_values, problem_values
from api.serving.rendered_list import Content, RenderedRow
from api.serving.templating import Templates, fault_of, names
from ranking.errors import SettingsError
from ranking.published.snapshot import WHOLE_SITE, Entry
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings

NAME = "service.templates"
AT = 1_764_530_940.0


def check_templates(settings: Settings) -> None:
    """Return if `service.templates` can be used: every template renders for every site.

    Raises:
        SettingsError: naming the file, the line and the fault.
    """
    folder = settings.service.templates
    if folder is None:
        return
    if not folder.is_dir():
        raise SettingsError(f"{NAME}: expected a folder with some of {', '.join(names())}, found {str(folder)!r}")
    templates = Templates(folder)
    for site in settings.sites:
        for name, values in _samples(settings, site):
            try:
                templates.theirs(site.id, name).render(values)
            except Exception as error:
                raise SettingsError(f"{NAME}: {fault_of(error)}") from error


def _samples(settings: Settings, site: SiteSettings) -> list[tuple[str, dict[str, Any]]]:
    links = links_of(settings, site, "../")
    full = Entry(1, "a", "Judul <b>", "https://example.id/a", "Ekonomi", AT, "https://example.id/a.jpg", 1.0, 1)
    bare = Entry(2, "b", "b", None, None, None, None, None, 0)
    rows = [RenderedRow(full, "Senin"), RenderedRow(bare, "")]
    found: list[tuple[str, dict[str, Any]]] = []
    for section, shown, following, turns in (
        (WHOLE_SITE, rows, "1.2.3", PageTurns()),
        ("Ekonomi", rows, None, PageTurns("1.2.4", ("1.2.3",))),
        (WHOLE_SITE, [], None, PageTurns()),
    ):
        content = Content(site, "populer", "Populer", section, 1, AT, 20 if turns.here else 0, shown, following)
        found.append(("fragment.html", fragment_values(content, links)))
        for sections in (["Ekonomi", "Olahraga"], []):
            found.append(("list.html", page_values(content, links, sections, turns, "populer.css")))
    return [*found, ("problem.html", problem_values(settings, site, Problem(404, "not found", "no such list")))]
