"""docs/environment.md names what the code has, and each name sets what it says."""

import importlib.util
import re
from pathlib import Path

import pytest

from populer.config import load
from ranking.errors import SettingsError

SCRIPT = Path(__file__).parents[1] / ".ci" / "environment.py"
_spec = importlib.util.spec_from_file_location("environment_page", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
environment_page = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(environment_page)

ROW = re.compile(r"^\| `(POPULER_\w+)` \| (?:`(.*)`|.*) \|$", re.M)
ROWS = ROW.findall(environment_page.PAGE.read_text().replace("\\|", "|"))
IN_PLACE = {"__SITE__": "__DEFAULT__", "__LIST__": "__POPULER__", "__WEBHOOKS__NAME__": "__WEBHOOKS__DESK__"}


def placed(name: str) -> str:
    """A name of the page with somebody's site, list and receiver in it."""
    for place, chosen in IN_PLACE.items():
        name = name.replace(place, chosen)
    return name


def test_page_is_what_the_script_makes_of_the_code() -> None:
    assert environment_page.PAGE.read_text() == environment_page.page(), "Run: make reference"


@pytest.mark.parametrize(("name", "default"), ROWS, ids=[name for name, _ in ROWS])
def test_every_name_is_that_of_a_setting(name: str, default: str) -> None:
    """A default of the page can be set; a table's word is refused as that setting's value, not as an unknown name."""
    environ = {placed(name): default or "{"}
    if "WEBHOOKS" in name:
        environ = {"POPULER_ALARMS__WEBHOOKS__DESK__URL": "https://hooks.example/x"} | environ
    try:
        load(Path("/dev/null"), environ)
    except SettingsError as error:
        dotted = re.sub(r"^sites\.default", "sites.0", placed(name).removeprefix("POPULER_").lower().replace("__", "."))
        said = str(error)
        assert "is not a setting" not in said
        assert dotted.rpartition(".")[0] in said or "has no effect" in said


def test_default_of_every_name_is_one_that_the_setting_takes() -> None:
    """All at once, but for those of lists, which have no effect without each other."""
    environ = {placed(name): default for name, default in ROWS if default and "__LIST__" not in name}
    environ["POPULER_ALARMS__WEBHOOKS__DESK__URL"] = "https://hooks.example/x"
    settings = load(Path("/dev/null"), environ).settings
    assert settings.service == load(Path("/dev/null"), {}).settings.service
    assert settings.ingest == load(Path("/dev/null"), {}).settings.ingest
    assert settings.retention == load(Path("/dev/null"), {}).settings.retention
