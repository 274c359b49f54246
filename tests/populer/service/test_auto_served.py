"""A service with a list that tunes itself says what it goes by, and why, wherever one would look."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from service import Service, run, serving, wait_until

CONFIG = """
[lists.populer]
half_life = "auto"
objective = { horizon = "2h", changes = 3, shortest = "30m" }
[lists.ramalan]
decay = "forecast"
half_life = "3h"
"""


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Service, Path]]:
    with tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp") as folder:
        config = Path(folder) / "populer.toml"
        config.write_text(CONFIG)
        with serving(Path(folder) / "data", "--config", str(config)) as started:
            yield started, config


def learned(service: Service) -> dict[str, Any]:
    found = httpx2.get(f"{service.url}/readyz").json().get("learned", [])
    return {each["list"]: each for each in found}


def test_readiness_says_what_each_list_that_learns_goes_by(service: tuple[Service, Path]) -> None:
    started, _ = service
    wait_until(lambda: set(learned(started)) == {"populer", "ramalan"})
    found = learned(started)
    assert (found["populer"]["half_life_s"], found["ramalan"]["half_life_s"]) == (7200.0, 10_800.0)
    assert (found["populer"]["since"], found["ramalan"]["forecast"]) == (None, False), "nothing was learned yet"
    listed = httpx2.get(f"{started.url}/v1/lists/populer").json()
    assert listed["config_version"] == found["populer"]["config_version"]


def test_the_settings_in_effect_are_shown_with_where_they_come_from(service: tuple[Service, Path]) -> None:
    started, config = service
    done = run("config", "show", "--config", str(config), "--data", str(started.data_dir))
    assert (done.returncode, done.stderr) == (0, "")
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert f"lists.populer.auto True {config}" in rows or "lists.populer.auto True default" in rows
    assert f"lists.populer.half_life auto {config}" in rows
    assert f"lists.populer.objective.horizon 2h {config}" in rows
    assert "lists.populer.half_life 2h site default: has learned nothing yet" in rows
    assert "lists.ramalan.half_life 3h site default: has learned nothing yet" in rows


def test_a_preview_may_fix_what_is_tuned_and_tune_begins_from_it(service: tuple[Service, Path]) -> None:
    started, config = service
    keys = json.loads((started.data_dir / "keys.json").read_text())["default"]
    answer = httpx2.post(
        f"{started.url}/v1/preview",
        json={"list": "populer", "settings": {"half_life": "6h"}},
        headers={"Authorization": f"Bearer {keys['admin']}"},
    )
    assert answer.status_code == 200
    done = run("tune", "--config", str(config), "--data", str(started.data_dir))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("populer: there is no history: ")
