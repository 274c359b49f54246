"""What the parent says of the processes of a service, for Prometheus: memory, CPU, descriptors, ends.

A child that hangs or is killed can say nothing of itself, so the parent looks, at /proc; where there is none the starts
and ends are all that is told. It is no worker and writes into the shared folder by itself.

Invariant: a process is named by its place (`main`, `jobs`, `api-0`, `valkey`), so a restart adds no series.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from prometheus_client.mmap_dict import MmapedDict, mmap_key

from populer.service.heartbeat import activity_of
from populer.service.memory import resident_bytes

LOOK_EVERY_S: Final = 5.0
_HELP: Final = {
    "populer_processes_hung": "Processes that were replaced as their event loop hung, by role",
    "populer_process_restarts": "Starts of a process after it had ended by itself",
    "populer_process_cpu_seconds": "CPU time that a process of the service has used",
    "populer_process_resident_memory_bytes": "Resident memory of a process of the service",
    "populer_process_open_fds": "Open file descriptors of a process of the service",
    "populer_process_start_time_seconds": "When a process of the service began, in epoch seconds",
}


class ProcessMetrics:
    """Metrics of a service's processes, in the shared `folder`."""

    def __init__(self, folder: Path) -> None:
        opened: Any = MmapedDict
        self._counters, self._gauges = (opened(str(folder / f"{kind}_parent.db")) for kind in ("counter", "gauge_max"))
        for role in ("api", "jobs"):
            self._add("populer_processes_hung", {"role": role}, 0)

    def hung(self, role: str) -> None:
        """Count a process that hung."""
        self._add("populer_processes_hung", {"role": role}, 1)

    def began(self, process: str, at: float, *, again: bool = False) -> None:
        """A process has begun at `at` (epoch seconds), `again`: after it had ended by itself."""
        self._set("populer_process_start_time_seconds", process, at)
        self._add("populer_process_restarts", {"process": process}, int(again))

    def look(self, processes: Iterable[tuple[str, int]]) -> None:
        """Set what processes, by place and pid, use now. One that is gone keeps what it used last."""
        for process, pid in processes:
            activity, memory, descriptors = activity_of(pid), resident_bytes(pid), _descriptors(pid)
            if activity is not None:
                name = "populer_process_cpu_seconds"
                self._counters.write_value(_key(name, f"{name}_total", {"process": process}), activity.cpu_s, 0.0)
            if memory is not None:
                self._set("populer_process_resident_memory_bytes", process, memory)
            if descriptors is not None:
                self._set("populer_process_open_fds", process, descriptors)

    def _add(self, name: str, labels: dict[str, str], count: int) -> None:
        before, _ = self._counters.read_value(_key(name, f"{name}_total", labels))
        self._counters.write_value(_key(name, f"{name}_total", labels), before + count, 0.0)

    def _set(self, name: str, process: str, value: float) -> None:
        self._gauges.write_value(_key(name, name, {"process": process}), value, 0.0)


def _key(name: str, sample: str, labels: dict[str, str]) -> str:
    key: str = mmap_key(name, sample, list(labels), list(labels.values()), _HELP[name])
    return key


def _descriptors(pid: int) -> int | None:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # gone, or another user's
        return None
