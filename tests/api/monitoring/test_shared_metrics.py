"""What the processes of a host say together, whatever one of them is doing to its file."""

import asyncio
from pathlib import Path

import pytest
import servers
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from api.monitoring import metrics
from api.monitoring.metrics import SHARED_DIR, connections_of, exposition, forget_worker


def reported(folder: Path, pid: int, **values: float) -> None:
    values_of = MmapedDict(str(folder / f"gauge_livemax_{pid}.db"))  # type: ignore[no-untyped-call]
    for name, value in values.items():
        metric = f"populer_{name}"
        values_of.write_value(mmap_key(metric, metric, [], [], "help"), value, 0.0)  # type: ignore[no-untyped-call]
    values_of.close()  # type: ignore[no-untyped-call]


def test_a_file_that_a_process_is_about_to_make_is_passed_over(tmp_path: Path) -> None:
    reported(tmp_path, 11, connections=3.0, connections_most=900.0)
    (tmp_path / "gauge_livemax_12.db").touch()  # opened, and not yet given its first page
    found = connections_of(tmp_path)
    assert found is not None
    assert (found.open, found.most) == (3, 900)


def test_nothing_is_known_where_no_process_has_said_anything(tmp_path: Path) -> None:
    assert connections_of(tmp_path) is None
    assert connections_of(tmp_path / "none") is None


def ranked(folder: Path, pid: int, **lists: float) -> None:
    """What a worker says of the lists of site `koran` that it serves: the moments that they were ranked for."""
    values_of = MmapedDict(str(folder / f"gauge_livemin_{pid}.db"))  # type: ignore[no-untyped-call]
    metric = "populer_list_ranked_at_seconds"
    for name, at in lists.items():
        key = mmap_key(metric, metric, ["site", "list"], ["koran", name], "help")
        values_of.write_value(key, at, 0.0)  # type: ignore[no-untyped-call]
    values_of.close()  # type: ignore[no-untyped-call]


def ages(now: float, *names: str) -> dict[str, float]:
    text = exposition(now, [("koran", name) for name in names], []).decode()
    lines = [line for line in text.splitlines() if line.startswith("populer_list_age_seconds{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


def test_the_age_of_a_list_is_that_of_the_worker_with_the_oldest_and_of_no_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SHARED_DIR, str(tmp_path))
    ranked(tmp_path, 11, populer=1000.0, update=1000.0, gone=500.0)
    ranked(tmp_path, 12, populer=940.0, update=1000.0)
    assert ages(1005.0, "populer", "update", "new") == {"populer": 65.0, "update": 5.0}
    assert ages(1025.0, "populer") == {"populer": 85.0}, "it ages though nobody says anything"
    forget_worker(12, tmp_path)
    assert ages(1025.0, "populer") == {"populer": 25.0}
    assert ages(900.0, "populer") == {"populer": 100.0}, "dated ahead: it is not fresh"


async def test_what_a_worker_counts_is_exported_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "EXPORT_EVERY_S", 0.001)
    exporting = asyncio.create_task(metrics.report_loop())

    async def exported() -> bool:
        return not metrics.events["koran", "accepted"]

    for _ in range(2):
        metrics.events["koran", "accepted"] += 1
        await servers.eventually(exported, "the counter to be exported")
    exporting.cancel()
