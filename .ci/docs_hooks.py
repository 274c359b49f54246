"""What MkDocs needs to show pages that are written for a repository: `make docs`.

Links that lead out of docs/ become the name of what they lead to, as the site has no repository beside it; plots and a
few pages from there come along. Lists are given the blank lines and the four spaces that Python-Markdown wants. Pages
that the navigation does not name are put below "Run it", so that a new page is never lost.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
#: Pages from outside docs/, and where they are shown.
BROUGHT = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "weaknesses.md"}
PLOTS = ROOT / "bench" / "results"
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
ITEM = re.compile(r"(?:[-*]|\d+\.) ")
#: What a page has a browser fetch, and hosts that the theme's script would ask for what no page of ours has.
FETCHED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["']?(https?://[^"' >]+)""")
ASKED_FOR_EXTRAS = "https://unpkg.com/"
LEFT_OUT = ("decisions/", "integrations/", "id/", "reference/", "runbooks/")
SECTION = "Run it"


def on_files(files: Files, config: Any) -> Files:
    """Bring what lies outside docs/, and name in the navigation what it does not."""
    for name, shown in BROUGHT.items():
        files.append(File.generated(config, shown, content=(ROOT / name).read_text(encoding="utf-8")))
    for plot in sorted(PLOTS.glob("*.svg")):
        files.append(File.generated(config, f"results/{plot.name}", content=plot.read_text(encoding="utf-8")))
    named = re.findall(r"[\w/-]+\.md", str(config["nav"]))
    new = [
        file.src_uri
        for file in files.documentation_pages()
        if file.src_uri not in named and not file.src_uri.startswith(LEFT_OUT) and file.src_uri != "weaknesses.md"
    ]
    for section in config["nav"]:
        section.get(SECTION, []).extend(sorted(new))
    runbooks = sorted(file.src_uri for file in files.documentation_pages() if file.src_uri.startswith("runbooks/"))
    if runbooks:
        config["nav"].insert(-1, {"Runbooks": runbooks})
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A page as Python-Markdown and the site want it."""
    folder = Path(page.file.src_uri).parent
    inside_links = LINK.sub(lambda found: _link(found, folder, brought=page.file.src_uri in BROUGHT.values()), markdown)
    return _lists(inside_links)


def on_post_build(config: Any) -> None:
    """Refuse a site that has a browser ask another host."""
    site = Path(config["site_dir"])
    for script in (site / "assets" / "javascripts").glob("bundle*.js"):
        script.write_text(script.read_text(encoding="utf-8").replace(ASKED_FOR_EXTRAS, "./"), encoding="utf-8")
    for page in site.rglob("*.html"):
        if found := FETCHED.search(page.read_text(encoding="utf-8")):
            raise PluginError(f"{page.relative_to(site)} asks another host: {found[1]}")


def _link(found: re.Match[str], folder: Path, *, brought: bool) -> str:
    mark, text, target = found.groups()
    if re.match(r"[a-z]+:|#", target):
        return found[0]
    path, _, heading = target.partition("#")
    file = (ROOT / path if brought else ROOT / "docs" / folder / path).resolve()
    up = "../" * len(folder.parts)
    if file.is_relative_to(ROOT / "docs"):
        shown = str(file.relative_to(ROOT / "docs"))
    elif file.parent == PLOTS:
        shown = f"results/{file.name}"
    elif str(file.relative_to(ROOT)) in BROUGHT:
        shown = BROUGHT[str(file.relative_to(ROOT))]
    else:
        return text if text.startswith("`") else f"{text} (`{file.relative_to(ROOT)}`)"
    if file.is_dir():
        return f"`docs/{shown}`"
    return f"{mark}[{text}]({up}{shown}{'#' + heading if heading else ''})"


def _lists(markdown: str) -> str:
    """A blank line before a list, and four spaces for what continues a numbered item."""
    lines: list[str] = []
    fenced = numbered = False
    for line in markdown.splitlines():
        fence = line.lstrip().startswith("```")
        if not fenced and ITEM.match(line):
            before = lines[-1] if lines else ""
            if before.strip() and not ITEM.match(before) and not before.startswith(" "):
                lines.append("")
            numbered = line[0].isdigit()
        elif line and not line.startswith(" ") and not fenced:
            numbered = False
        lines.append(f" {line}" if numbered and line.startswith("   ") else line)
        fenced ^= fence
    return "\n".join(lines) + "\n"
