"""Debian's Prometheus scrapes a real service: the dashboard's queries have data, an alert fires and clears."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from ports import free_ports

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import Service, serving, wait_until

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy/grafana/populer.json"
RULES = ROOT / "deploy/prometheus/populer.rules.yml"
PROMETHEUS = shutil.which("prometheus")
WITHIN_S = 60.0
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus here: apt-get install prometheus")
CONFIG = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [rules.yml]
scrape_configs:
  - job_name: populer
    static_configs: [{{ targets: ["{target}"] }}]
"""
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Watched(NamedTuple):
    """A service, its settings file, and the API of the Prometheus that scrapes it."""

    service: Service
    settings: Path
    api: httpx2.Client

    def ask(self, path: str, **parameters: str) -> Any:
        """What the API answers."""
        return self.api.get(f"/api/v1/{path}", params=parameters).raise_for_status().json()["data"]

    def firing(self) -> set[str]:
        """The alerts that fire."""
        return {each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] == "firing"}


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp") as made, contextlib.ExitStack() as stack:
        folder = Path(made)
        settings = folder / "populer.toml"
        settings.write_text('[refresh]\nevery = "1s"\n')
        service = stack.enter_context(serving(folder / "data", "--config", str(settings)))
        (port,) = free_ports(1)
        (folder / "prometheus.yml").write_text(CONFIG.format(target=service.url.removeprefix("http://")))
        (folder / "rules.yml").write_text(re.sub(r"for: \w+", "for: 0s", RULES.read_text()))
        with (folder / "prometheus.log").open("wb") as log:
            prometheus = subprocess.Popen(
                [
                    str(PROMETHEUS), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        stack.callback(prometheus.wait, 30)
        stack.callback(prometheus.terminate)
        api = stack.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30))
        wait_until(lambda: is_ready(api), WITHIN_S)
        yield Watched(service, settings, api)


def is_ready(api: httpx2.Client) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return api.get("/-/ready").status_code == 200
    return False


def read(service: Service) -> None:
    """What goes on in a newsroom: articles are described and read, a list is asked for, somebody errs."""
    with service.client() as client:
        client.put("/v1/items", json=[{"id": "a", "title": "A", "url": "https://a.example/a"}]).raise_for_status()
        client.get("/v1/lists/populer").raise_for_status()
        client.get("/v1/none")
    with httpx2.Client(base_url=service.url, headers={"user-agent": BROWSER}, trust_env=False, timeout=30) as reader:
        reader.post("/v1/events", json={"item": "a"}).raise_for_status()


def panels() -> dict[str, dict[str, Any]]:
    found = json.loads(DASHBOARD.read_text())["panels"]
    return {each["title"]: each for each in found if each["type"] != "row"}


def as_asked(expression: str) -> str:
    """A query with what Grafana puts in for its variables."""
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$site", ".*")


@pytest.fixture(scope="module")
def answered(watched: Watched) -> dict[str, bool]:
    """Whether each query of the dashboard has data, once those that must have some do."""
    queries = [target["expr"] for panel in panels().values() for target in panel["targets"]]
    found: dict[str, bool] = {}
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        read(watched.service)
        found = {query: has_data(watched, query) for query in queries}
        if all(is_empty_on_purpose(query) or has for query, has in found.items()):
            break
        time.sleep(1)
    return found


def has_data(watched: Watched, query: str) -> bool:
    result = watched.ask("query", query=as_asked(query))["result"]
    return any(sample["value"][1] != "NaN" for sample in result)


#: What a query asks for that a healthy service without feeds, webhooks and a memory limit has none of.
ABSENT = (
    "populer_connections_refused_total", "populer_denied_total", "populer_feed_age_seconds", "populer_alarm{",
    "populer_alarm_receiver_failures", "populer_store_memory_limit_bytes",
)  # fmt: skip


def is_empty_on_purpose(query: str) -> bool:
    return any(name in query for name in ABSENT)


@pytest.mark.parametrize("title", panels())
def test_each_panel_has_data_or_says_when_it_has_none(title: str, answered: dict[str, bool]) -> None:
    panel = panels()[title]
    for target in panel["targets"]:
        query = target["expr"]
        assert answered[query] == (not is_empty_on_purpose(query)), query
        if is_empty_on_purpose(query):
            assert re.search(r"Empty|drawn", panel["description"]), "the panel says why it may be empty"


def test_the_dashboard_is_whole() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    taken = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [
        (x, y) for at in taken for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells)), "panels lie over each other"
    assert {each["name"] for each in dashboard["templating"]["list"]} == {"datasource", "instance", "site"}


def test_what_compose_mounts_is_there() -> None:
    mounted = re.findall(r"- \./(deploy/\S+?):", (ROOT / "docker-compose.yml").read_text())
    assert len(mounted) >= 3
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_no_label_is_one_that_prometheus_sets_itself(watched: Watched) -> None:
    wait_until(lambda: watched.ask("query", query="populer_build_info")["result"] != [], WITHIN_S)
    assert [name for name in watched.ask("labels") if name.startswith("exported_")] == []


def test_an_alert_fires_and_clears(watched: Watched) -> None:
    good = watched.settings.read_text()
    wait_until(lambda: watched.ask("query", query="populer_config_refused == 0")["result"] != [], WITHIN_S)
    assert {rule["health"] for rule in rules(watched)} <= {"ok", "unknown"}
    assert "PopulerConfigRefused" not in watched.firing()
    watched.settings.write_text("[refresh]\nevery = 'soon'\n")
    wait_until(lambda: "PopulerConfigRefused" in watched.firing(), WITHIN_S)
    watched.settings.write_text(good)
    wait_until(lambda: "PopulerConfigRefused" not in watched.firing(), WITHIN_S)
    wait_until(lambda: {rule["health"] for rule in rules(watched)} == {"ok"}, WITHIN_S)
    assert watched.firing() == set()


def rules(watched: Watched) -> list[dict[str, Any]]:
    (group,) = watched.ask("rules")["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found
