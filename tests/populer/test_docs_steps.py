"""The steps of the quick start and of a move from another system, as the pages have them, on a running service."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from manual import ROOT, block, blocks
from service import Service, environment, run, serving, wait_until

HERE = "http://127.0.0.1:8000"
#: What the shell of a page calls `populer` and `python3`.
PYTHON = shlex.quote(sys.executable)
CALLS = f'populer() {{ {PYTHON} -m populer "$@"; }}\npython3() {{ {PYTHON} "$@"; }}\n'


def environ_here() -> dict[str, str]:
    """What a user's programs run in, with the project and the loopback in reach."""
    return {**environment(), "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def carried_out(script: str, service: Service) -> str:
    """What a script prints, run beside the service's data directory with its address in place of the page's."""
    done = subprocess.run(
        ["sh", "-e", "-c", CALLS + script.replace(HERE, service.url)],
        cwd=service.data_dir.parent, capture_output=True, text=True, timeout=60, check=False,
        env=environ_here(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "populer-data", cwd=tmp_path) as service:
        yield service


@pytest.mark.parametrize("page", ["README.md", "docs/start.md", "docs/id/start.md"])
def test_the_quick_start_leads_to_a_counted_view_and_a_list(page: str, running: Service) -> None:
    steps = "".join(script for script in blocks(page, "sh") if "curl" in script)
    described, _, rest = steps.partition("curl -A Firefox")
    count, _, read = rest.partition("\ncurl ")
    carried_out(described, running)
    answer = json.loads(carried_out(f"curl -A Firefox{count}", running))
    assert (answer["accepted"], answer["ack"]) == (2, "commit")

    def listed() -> list[str]:
        return [each["id"] for each in json.loads(carried_out(f"curl {read}", running)).get("items", [])]

    wait_until(lambda: sorted(listed()) == ["berita-1", "berita-2"])


def test_counts_of_a_plugin_become_a_log_that_is_replayed(running: Service) -> None:
    script = block("docs/migrating.md", "sh", "awk")
    yesterday = datetime.fromtimestamp(time.time(), UTC) - timedelta(days=1)
    rows = [("17", 3), ("18", 1)]
    (running.data_dir.parent / "views.tsv").write_text(
        "".join(f"{item}\t{yesterday:%Y-%m-%d %H:%M:%S}\t{views}\n" for item, views in rows)
    )
    carried_out(script.replace("populer replay", f"populer replay --to {running.url}"), running)
    done = run("rank", "--data", str(running.data_dir), "--json", "--set", "half_life=1d")
    assert {each["id"]: each["views"] for each in json.loads(done.stdout)["items"]} == dict(rows)


def test_the_lines_of_python_describe_record_take_down_and_read(running: Service) -> None:
    code = block("docs/integrations/python.md", "python").replace("https://populer.example", running.url)
    code += "    print(answer)\n"
    environ = {**environ_here(), "POPULER_KEY": running.write_key}
    with running.client() as client:
        client.put("/v1/items", json=[{"id": "berita-2", "title": "Salah"}]).raise_for_status()

    def printed() -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "accepted=1" in printed()
    wait_until(lambda: printed().startswith("1 Judul"))
    with running.client() as client:
        assert client.get("/v1/items/berita-2").status_code == 404
