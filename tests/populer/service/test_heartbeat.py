"""A child whose event loop hangs is told from one that is kept waiting, and is replaced."""

import os
import signal
import sys
from pathlib import Path

import httpx2
import pytest

sys.path.append(str(Path(__file__).parents[1]))

from service import serving, wait_until

from populer.service.heartbeat import HUNG_S, Activity, HangDetector, Heartbeat, activity_of

SECONDS = range(1, 61)


def hangs_after(*looks: tuple[float, Activity | None]) -> float | None:
    """Seconds of the given looks, one after the other without a beat, until the child hangs."""
    pulse = HangDetector()
    pulse.look(True, 1.0, Activity("S", 0.0))
    passed = 0.0
    for elapsed_s, activity in looks:
        passed += elapsed_s
        if pulse.look(False, elapsed_s, activity):
            return passed
    return None


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (lambda second: Activity("S", 0.0), HUNG_S),
        (lambda second: Activity("T", 0.0), HUNG_S),
        (lambda second: Activity("R", second * 1.0), HUNG_S),
        (lambda second: Activity("R", second * 0.5), HUNG_S),
        (lambda second: Activity("R", second * 0.05), None),
        (lambda second: Activity("D", 0.0), None),
        (lambda second: Activity("t", 0.0), None),
        (lambda second: None, HUNG_S),
    ],
    ids=["blocked", "stopped", "spinning", "spinning on half a core", "starved", "waiting for the disk", "debugged",
         "unknown"],
)  # fmt: skip
def test_pulse_finds_a_loop_hung_when_it_could_have_turned(activity: object, expected: float | None) -> None:
    assert callable(activity)
    assert hangs_after(*((1.0, activity(second)) for second in SECONDS)) == expected


def test_pulse_counts_a_suspended_machine_as_one_short_look() -> None:
    blocked = Activity("S", 0.0)
    assert hangs_after((3_600.0, blocked), (3_600.0, blocked)) is None


def test_pulse_waits_for_the_first_beat() -> None:
    pulse = HangDetector()
    assert not any(pulse.look(False, 1.0, Activity("S", 0.0)) for _ in SECONDS)


def test_pulse_begins_anew_with_every_beat() -> None:
    pulse = HangDetector()
    looks = [pulse.look(second % 9 == 0, 1.0, Activity("S", 0.0)) for second in range(100)]
    assert not any(looks)


def test_heartbeat_hears_the_child() -> None:
    heart = Heartbeat()
    os.write(heart.child_fd, b"..")
    assert not heart.is_hung(os.getpid(), 1.0)
    heart.started()
    heart.close()
    found = activity_of(os.getpid())
    assert found is None or (found.state in "RS" and found.cpu_s > 0)


def test_service_replaces_a_worker_and_jobs_whose_loops_hang(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as service:
        jobs, worker = service.children()
        wait_until(lambda: activity_of(worker) is not None)
        os.kill(worker, signal.SIGSTOP)
        os.kill(jobs, signal.SIGSTOP)
        wait_until(lambda: not {jobs, worker} & set(service.children()) and len(service.children()) == 2, 60)
        with service.client() as client:
            assert client.post("/v1/events", json={"item": "a"}).status_code == 202
        found = httpx2.get(f"{service.url}/metrics", trust_env=False, timeout=30).text.splitlines()
        assert 'populer_processes_hung_total{role="api"} 1.0' in found
        assert 'populer_processes_hung_total{role="jobs"} 1.0' in found
        assert service.log.read_text().count("The event loop of a process has not turned") == 2
        assert service.stop() == 0
