"""A running service sends its alarms, whichever of its processes dies; a receiver that is dead is named."""

import os
import signal
from pathlib import Path

import httpx2
from receiver import receiving
from service import run, serving, wait_until

SETTINGS = """
[alarms.webhooks.desk]
url = "{url}"
secret = "secret-of-the-newsdesk"
[alarms.webhooks.dead]
url = "http://127.0.0.1:9/hook"
alarms = ["config_refused"]
[refresh]
every = "1s"
lease = "2s"
"""


def test_a_running_service_sends_an_alarm_once_through_a_death_of_its_jobs(tmp_path: Path) -> None:
    config, data = tmp_path / "populer.toml", tmp_path / "data"
    with receiving() as desk:
        config.write_text(SETTINGS.format(url=desk.url))
        with serving(data, "--config", str(config)) as service:
            config.write_text("[nonsense]\n")
            wait_until(lambda: ("raised", "config_refused", None) in desk.told, within_s=60)
            assert "nonsense" in desk.sent[0].content["says"][0]
            metrics = "populer_alarm_receiver_failures"

            def failures() -> str:
                text = httpx2.get(f"{service.url}/metrics", trust_env=False, timeout=30).text
                return "\n".join(line for line in text.splitlines() if line.startswith(metrics))

            wait_until(lambda: 'receiver="desk"} 0.0' in failures(), within_s=60)
            wait_until(lambda: 'receiver="dead"}' in failures() and 'receiver="dead"} 0.0' not in failures(), 60)
            jobs = service.children()[0]
            os.kill(jobs, signal.SIGKILL)
            wait_until(lambda: service.log.read_text().count("This process works for more sites now") > 1, within_s=60)
            config.write_text(SETTINGS.format(url=desk.url))
            wait_until(lambda: ("over", "config_refused", None) in desk.told, within_s=150)
            assert [each for each in desk.told if each[1] == "config_refused"] == [
                ("raised", "config_refused", None), ("over", "config_refused", None)
            ]  # fmt: skip
            found = run("doctor", "--config", str(config), "--data", str(data))
            assert "alarms: receiver dead" in found.stdout
            assert "it cannot be reached" in found.stdout
        assert "Alarms do not reach the receiver: it cannot be reached" in service.log.read_text()
