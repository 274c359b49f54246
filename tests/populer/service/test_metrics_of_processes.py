"""What Prometheus is told of requests, jobs and processes, by a real service and by one that only ranks."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import servers
from ports import free_ports
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from service import MODULE, Service, environment, run, serving, wait_until

import api.monitoring.metrics  # noqa: F401
import jobs.metrics  # noqa: F401 - its metrics are among those that there are
from ranking import __version__

DOCUMENT = Path(__file__).parents[3] / "docs/observing.md"
PROMTOOL = shutil.which("promtool")
WITHIN_S = 60.0
Labels = dict[str, str]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Metrics:
    """Samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        families = text_string_to_metric_families(text)
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def get(self, name: str, /, **labels: str) -> float:
        """A sample's value, 0 where it is not told."""
        return self._values.get((f"populer_{name}", frozenset(labels.items())), 0.0)

    def labelled(self, name: str, label: str) -> set[str]:
        """The values that a label has."""
        return {dict(labels)[label] for found, labels in self._values if found == f"populer_{name}"}


def scraped(url: str) -> Metrics:
    return Metrics(httpx2.get(f"{url}/metrics", trust_env=False, timeout=30).raise_for_status().text)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("metrics") / "data", "--workers", "2") as running:
        yield running


ITEM = {"id": "a", "title": "A", "url": "https://a.example/a"}


def requests(service: Service, route: str, status: str) -> float:
    return scraped(service.url).get("http_request_duration_seconds_count", route=route, status=status)


def test_requests_are_counted_by_the_class_of_route_and_status(service: Service) -> None:
    with service.client() as client:
        known = scraped(service.url)
        for _ in range(3):
            assert client.get("/v1/lists/populer").status_code == 200
        assert client.get("/v1/lists/none").status_code == 404
        assert client.put("/v1/items", json=[ITEM]).is_success
        assert client.get("/" + "x" * 100).status_code == 404
    beacon = {"headers": {"user-agent": BROWSER}, "trust_env": False}
    assert httpx2.post(f"{service.url}/v1/events", json={"item": "a"}, **beacon).status_code == 202  # type: ignore[arg-type]
    assert httpx2.post(f"{service.url}/v1/events", content=b"{", **beacon).status_code == 400  # type: ignore[arg-type]
    expected = {
        ("list", "2xx"): 3, ("list", "4xx"): 1, ("items", "2xx"): 1, ("other", "4xx"): 1,
        ("events", "2xx"): 1, ("events", "4xx"): 1,
    }  # fmt: skip
    name = "http_request_duration_seconds_count"

    def counted() -> bool:
        now = scraped(service.url)
        return all(
            now.get(name, route=route, status=status) - known.get(name, route=route, status=status) == count
            for (route, status), count in expected.items()
        )

    wait_until(counted, WITHIN_S)


def test_a_stream_is_open_while_its_client_reads(service: Service) -> None:
    with httpx2.stream("GET", f"{service.url}/v1/lists/populer/stream", trust_env=False, timeout=30):
        wait_until(lambda: scraped(service.url).get("streams_open") == 1, WITHIN_S)
        wait_until(lambda: requests(service, "stream", "2xx") == 1, WITHIN_S)
    wait_until(lambda: scraped(service.url).get("streams_open") == 0, WITHIN_S)


def test_workers_tell_what_the_jobs_do_and_what_every_process_uses(service: Service) -> None:
    with service.client() as client:
        assert client.put("/v1/items", json=[ITEM]).is_success
    wait_until(lambda: scraped(service.url).get("job_runs_total", name="refresh", outcome="done") >= 2, WITHIN_S)
    shown: list[Metrics] = []

    def polled() -> bool:
        """The worker that was asked has looked at the store since the item was described."""
        shown[:] = [scraped(service.url)]
        return (shown[0].get("items_known", site="default"), shown[0].get("items_described", site="default")) == (1, 1)

    wait_until(polled, WITHIN_S)
    (found,) = shown
    assert found.get("job_duration_seconds_count", name="refresh") >= 2
    assert (found.get("sites_led"), found.get("terms_begun_total")) == (1, 1)
    assert found.get("connections_most") > 0, "the jobs process, which serves nobody, is none of those that say it"
    assert found.labelled("build_info", "version") == {__version__}
    assert found.get("store_servers") == 1
    assert found.get("store_memory_bytes") > 0
    assert found.get("store_clients") >= 3
    assert 0 < found.get("store_ping_seconds_sum") < 60 * found.get("store_ping_seconds_count")
    processes = {"main", "jobs", "api-0", "api-1", "valkey"}
    if Path("/proc/self/stat").exists():
        wait_until(lambda: scraped(service.url).labelled("process_open_fds", "process") == processes, WITHIN_S)
        for process in processes:
            assert found.get("process_resident_memory_bytes", process=process) > 2**20
    assert found.labelled("process_restarts_total", "process") == processes - {"valkey"}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_finds_nothing_wrong_with_names_and_forms(service: Service) -> None:
    check(scraped(service.url))


def test_a_process_that_was_killed_is_counted_and_the_jobs_begin_another_term(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--workers", "2") as service:
        wait_until(lambda: scraped(service.url).get("sites_led") == 1, WITHIN_S)
        jobs, first, _ = service.children()
        for pid in (jobs, first):
            os.kill(pid, signal.SIGKILL)

        def restarted() -> bool:
            found = scraped_if_up(service.url)
            return found is not None and all(
                found.get("process_restarts_total", process=name) == 1 for name in ("jobs", "api-0")
            )

        wait_until(restarted, WITHIN_S)
        wait_until(lambda: scraped(service.url).get("terms_begun_total") == 2, WITHIN_S)
        wait_until(lambda: scraped(service.url).get("sites_led") == 1, WITHIN_S)
        assert scraped(service.url).get("process_restarts_total", process="api-1") == 0


def scraped_if_up(url: str) -> Metrics | None:
    with contextlib.suppress(httpx2.HTTPError):
        return scraped(url)
    return None


def check(metrics: Metrics) -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=metrics.text, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@contextlib.contextmanager
def ranking(data_dir: Path, url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A service that only ranks; its first line on stdout is read."""
    keys = json.dumps({"write": "write-0123456789abcdef", "admin": "admin-0123456789abcdef"})
    given = {"POPULER_REDIS_URL": url, "POPULER_SITES__DEFAULT__KEYS": keys}
    command = [*MODULE, "serve", "--only", "jobs", "--data", str(data_dir), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env={**environment(), **given}
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready jobs\n"
            yield process
        finally:
            process.terminate()
            process.wait(30)


def test_a_service_that_only_ranks_serves_its_own_metrics(
    own_server: Callable[..., servers.Valkey], tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with ranking(tmp_path / "data", own_server().url, "--metrics-port", str(port)):
        wait_until(lambda: scraped(url).get("job_runs_total", name="refresh", outcome="done") >= 1, WITHIN_S)
        wait_until(lambda: scraped(url).get("sites_led") == 1, WITHIN_S)
        found = scraped(url)
        assert found.labelled("build_info", "version") == {__version__}
        assert found.labelled("process_restarts_total", "process") == {"main", "jobs"}
        if PROMTOOL is not None:
            check(found)


def test_a_port_for_metrics_is_refused_where_workers_serve_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [*MODULE, "serve", "--data", str(tmp_path / "data"), "--metrics-port", "9999"],
        capture_output=True, text=True, timeout=60, check=False, env=environment(),
    )  # fmt: skip
    assert done.returncode == 1
    assert "--only jobs" in done.stderr


@pytest.mark.parametrize("command", [["serve", "--only", "jobs"], ["consume", "kafka://127.0.0.1:1/t", "--group", "g"]])
def test_a_port_for_metrics_that_is_none_is_refused_as_usage(command: list[str]) -> None:
    done = run(*command, "--metrics-port", "65536")
    assert done.returncode == 2
    assert "'--metrics-port'" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_metric_is_documented_and_every_documented_one_is_told(service: Service) -> None:
    told = set(re.findall(r"^# TYPE (\w+)", scraped(service.url).text, re.MULTILINE))
    documented = set(re.findall(r"`(populer_\w+)", DOCUMENT.read_text()))
    rare = {
        sample for family in REGISTRY.collect() for sample in (family.name, f"{family.name}_total")
    }  # of no request yet
    assert told <= documented
    assert documented <= told | rare
