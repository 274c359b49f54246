"""Write docs/environment.md anew, from the settings as the code has them."""

import json
import math
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from populer.environment import PREFIX
from ranking.settings.keys import GRADES, SiteKeys
from ranking.settings.service import Settings
from ranking.times import NO_LIMIT, format_duration

PAGE: Final = Path(__file__).parents[1] / "docs" / "environment.md"
#: What stands in a name for a site's id or number, a list's name, and the like.
PLACES: Final = {"sites": "SITE", "lists": "LIST", "alarms.webhooks": "NAME"}
#: Values that a setting's word stands for; the file says `half_life = "auto"`.
NO_NAMES: Final = frozenset({"lists.LIST.auto"})
HEAD: Final = """\
# Names in the environment

Every setting can be set in the environment, over the file; [populer.example.toml](../populer.example.toml) says what
each is for. This page is made from the code: `make reference`.

- Two underscores stand for a dot. In `service`, `redis`, `ingest`, `retention`, `refresh` and `alarms` one will do:
  `POPULER_REDIS_URL`. In Kubernetes `POPULER_SERVICE_HOST` and `POPULER_SERVICE_PORT` are its own: there take two.
- **With `_FILE` behind it any name is that of a file which holds the value**, as secrets are mounted:
  `POPULER_REDIS__URL_FILE=/run/secrets/redis-url`. Such a file is read at the start and whenever the settings are.
- `SITE` is a site's id or its number from 0, `LIST` a list's name, `NAME` one that you choose. Sites that the file has
  not are given all at once: `POPULER_SITES='[{"id": "koran", "name": "Koran"}]'`.
- Lists and tables are JSON, or as in the file: `POPULER_INGEST__KINDS='["view", "click"]'`.
- `0` is 0 of everything: a number, a duration, a size, and `false`. Other durations have a unit (`90s`); sizes may.
- `POPULER_CONFIG` names the settings file, `POPULER_KEY` (or `POPULER_KEY_FILE`) the write key that commands send with.
"""


def page() -> str:
    """The page as it should be."""
    text = HEAD
    for name, field in Settings.model_fields.items():
        rows = list(_rows(name, field, name))
        text += f"\n## {name}\n\n| name | default |\n|---|---|\n"
        text += "".join(f"| `{PREFIX}{dotted.upper().replace('.', '__')}` | {default} |\n" for dotted, default in rows)
    return text


def _rows(attribute: str, field: FieldInfo, dotted: str) -> Iterator[tuple[str, str]]:
    """Dotted names of a setting, or of those of a table, and their defaults."""
    model = _table_of(field.annotation)
    if dotted in NO_NAMES:
        return
    if model is None or dotted == "sites.SITE.feeds":
        yield dotted, _written(attribute, field)
        return
    below = f"{dotted}.{PLACES[dotted]}" if dotted in PLACES else dotted
    for name, inner in model.model_fields.items():
        if model is SiteKeys and name in GRADES:
            yield f"{below}.{name}", "" if name == "editor" else "generated"
            yield f"{below}.{name}.NAME", ""
        else:
            yield from _rows(name, inner, f"{below}.{inner.alias or name}")


def _table_of(annotation: Any) -> type[BaseModel] | None:
    """The table that a setting is, or is several of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (dict, tuple, types.UnionType):
        return next((table for inner in get_args(annotation) if (table := _table_of(inner))), None)
    return None


def _written(attribute: str, field: FieldInfo) -> str:
    """A default as the environment would have it."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if field.is_required() or value is None or value in ("", (), {}):
        return ""
    if value == math.inf:
        return f"`{NO_LIMIT}`"
    if attribute.endswith("_s"):
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple | dict | bool):
        return f"`{json.dumps(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
