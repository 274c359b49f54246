"""The two lines that embed a list in a page: for HTML, WordPress, React and AMP."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple
from urllib.parse import urlencode

THEMES: Final = ("numbered", "plain", "thumbs", "compact", "tabs")
USUAL_LIMIT: Final = 7
MOST: Final = 100


class EmbedChoice(NamedTuple):
    """What is to be shown. `lists`: the first one, or those of the tabs; `site`: its id where pages must name it."""

    lists: Sequence[str]
    section: str = ""
    theme: str = THEMES[0]
    limit: int = USUAL_LIMIT
    site: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of the element; what is usual goes without saying."""
        said = {
            "list": " ".join(self.lists),
            "section": self.section,
            "theme": "" if self.theme == THEMES[0] else self.theme,
            "limit": "" if self.limit == USUAL_LIMIT else str(self.limit),
            "site": self.site,
        }
        return {name: value for name, value in said.items() if value}


def lines_of(address: str, choice: EmbedChoice) -> dict[str, str]:
    """The lines by platform, for a service at `address`."""
    said, service = choice.attributes, escape(address)
    of_site = {"site": choice.site} if choice.site else {}
    site = _attributes({"data-site": choice.site})
    asked = {"limit": choice.limit, **({"section": choice.section} if choice.section else {}), **of_site}
    props = "".join(
        f" {name}={{{value}}}" if name == "limit" else _attributes({name: value}) for name, value in said.items()
    )
    define = f"define('POPULER_URL', {_php(address)});"
    if choice.site:
        define += f" define('POPULER_SITE', {_php(choice.site)});"
    shown = _attributes({name: value for name, value in said.items() if name != "site"})
    pixel = escape(f"{address}/v1/pixel.gif?{urlencode({'item': 'ID', **of_site})}")
    feed = escape(f"{address}/v1/lists/{choice.lists[0]}?{urlencode(asked)}")
    height = 80 * choice.limit
    row = '<template type="amp-mustache"><p><a href="{{url}}">{{title}}</a></p></template>'
    return {
        "html": f'<script async src="{service}/populer.js"{site} data-item="ID"></script>\n'
        f"<populer-list{_attributes(said)}></populer-list>",
        "wordpress": f"{define}\n[populer{shown}]",
        "react": f'<PopulerScript service="{service}"{_attributes(of_site)} item={{article.id}} />\n'
        f'<PopulerList service="{service}"{props} item={{article.id}} />',
        "amp": f'<amp-pixel src="{pixel}" layout="nodisplay"></amp-pixel>\n'
        f'<amp-list layout="fixed-height" height="{height}" binding="no" items="items" src="{feed}">{row}</amp-list>',
    }


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items() if value)


def _php(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
