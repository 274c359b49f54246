"""The state of the settings file, as `/readyz`, `/ops` and Prometheus report it."""

from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric


class ConfigState(NamedTuple):
    """Times in epoch seconds.

    `loaded_at`: since when the settings are in effect; `applied` and `refused`: how many changes of the file were taken
    over and were not since the start; `refusal`: why the file as it is now is not in effect (None: it is), since
    `refused_at`; `at_next_start`: settings that the file has changed and that wait for a start; `file`: its path.
    """

    loaded_at: float
    applied: int = 0
    refused: int = 0
    refusal: str | None = None
    refused_at: float | None = None
    at_next_start: tuple[str, ...] = ()
    file: str = "populer.toml"

    def metrics(self, version: str) -> list[Metric]:
        """For Prometheus. Every worker knows all of it, so nothing is added up over them."""
        reloads = CounterMetricFamily(
            "populer_config_reloads", "Changes of the settings' file, by what became of them", labels=["outcome"]
        )
        reloads.add_metric(["applied"], self.applied)
        reloads.add_metric(["refused"], self.refused)
        numbers = [
            ("populer_config_refused", "1 while the settings' file as it is is not in effect", int(bool(self.refusal))),
            ("populer_config_loaded_timestamp_seconds", "Since when the settings are in effect", self.loaded_at),
            ("populer_config_at_next_start", "Changed settings that wait for a start", len(self.at_next_start)),
        ]
        info = InfoMetricFamily("populer_config", "The settings that lists depend on", {"version": version})
        return [reloads, *(GaugeMetricFamily(name, said, value) for name, said, value in numbers), info]
