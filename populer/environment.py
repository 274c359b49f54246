"""What the environment says of settings, as tables.

Two underscores stand for a dot, so that any setting can be named (`POPULER_LISTS__POPULER__HALF_LIFE`); in the fixed
tables one underscore will do (`POPULER_REDIS_URL`). A value that opens with `[` or `{` is written as in the file, or as
JSON. A variable that ends in `_FILE` names a file that holds the value, as secrets are mounted: POPULER_REDIS_URL_FILE.
What is below `sites` reaches a site by its id, or by its number from 0: POPULER_SITES__DEFAULT__KEYS__ADMIN__SITI_FILE.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from populer.raw_tables import Raw, from_text, merged, put
from ranking.errors import SettingsError

PREFIX = "POPULER_"
FIXED_TABLES = ("service", "redis", "ingest", "retention", "refresh", "alarms")
NOT_SETTINGS = frozenset({"POPULER_KEY", "POPULER_KEY_FILE", "POPULER_CONFIG"})
#: What Kubernetes sets in every container beside a Service called "populer"; as settings they would break the start.
KUBERNETES_NAMES = frozenset({"POPULER_SERVICE_HOST", "POPULER_SERVICE_PORT"})
IN_FILE = "_FILE"
#: Where what the environment says of single sites is kept, beside what it says of all.
EACH_SITE = "each site"


def read_environment(environ: Mapping[str, str]) -> Raw:
    """The tables that variables name; what is said of single sites is in EACH_SITE.

    Raises:
        SettingsError: a file that is named cannot be read.
    """
    found: Raw = {}
    in_kubernetes = "KUBERNETES_SERVICE_HOST" in environ
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        rest = name[len(PREFIX) :].lower()
        if "__" in rest:
            steps = rest.split("__")
        else:
            table, _, setting = rest.partition("_")
            if not setting and table not in ("sites", "lists"):
                continue  # POPULER_VERSION and the like are somebody else's
            if setting and (table not in FIXED_TABLES or (in_kubernetes and name in KUBERNETES_NAMES)):
                continue
            steps = [table, setting] if setting else [table]
        text = environ[name]
        if name.upper().endswith(IN_FILE):
            steps[-1] = steps[-1].removesuffix(IN_FILE.lower())
            text = secret_of_file(name, Path(text))
        if steps[0] == "sites" and len(steps) > 1:
            steps[0] = EACH_SITE
        put(found, steps, from_text(text))
    return found


def secret_of_file(name: str, file: Path) -> str:
    """What the file holds that the environment names as `name`.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: {file} is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{name}: {file} cannot be read ({error.strerror}); name another file") from None


def by_number(named: Raw, sites: Any) -> Raw:
    """What the environment says of single sites, by their numbers in `sites`.

    Raises:
        SettingsError: it names a site that is not there.
    """
    if not isinstance(sites, list):
        return {}  # what is wrong with it is said when it is validated
    there = [site.get("id", "default") if isinstance(site, dict) else "" for site in sites]
    known = {name: str(number) for number, id in enumerate(there) for name in (id, str(number))}
    for name in named:
        if name not in known:
            raise SettingsError(f"POPULER_SITES__{name.upper()}: no site is called so; there are {', '.join(there)}")
    found: Raw = {}
    for name, table in named.items():
        found[known[name]] = merged(found.get(known[name], {}), table)
    return found
