"""`populer alarms test` sends a test alarm to every receiver and prints what each answered."""

import sys
from pathlib import Path

from receiver import receiving

sys.path.append(str(Path(__file__).parents[1]))

from service import run

SETTINGS = """
[[sites]]
id = "koran"
[[sites]]
id = "bola"
[alarms.webhooks.desk]
url = "{url}"
[alarms.webhooks.sport]
url = "{url}"
format = "slack"
sites = ["bola"]
"""


def test_a_test_alarm_is_sent_and_each_answer_printed(tmp_path: Path) -> None:
    config = tmp_path / "populer.toml"
    with receiving() as desk:
        config.write_text(SETTINGS.format(url=desk.url))
        done = run("alarms", "test", "--config", str(config))
        assert (done.returncode, done.stderr) == (0, "")
        assert " ".join(done.stdout.split()) == "desk received the test alarm sport received the test alarm"
        assert {each.content.get("event", "slack") for each in desk.sent} == {"test", "slack"}
        assert len(desk.sent) == 2
        done = run("alarms", "test", "--site", "koran", "--config", str(config))
        assert " ".join(done.stdout.split()) == "desk received the test alarm"
        assert desk.sent[2].content["site"] == "koran"
        desk.status = 404
        done = run("alarms", "test", "--config", str(config))
        assert done.returncode == 1
        assert "it answered 404" in done.stdout
        assert done.stderr == "populer: 2 of 2 receivers were not reached: desk, sport\n"


def test_without_a_receiver_or_a_site_the_command_says_so(tmp_path: Path) -> None:
    config = tmp_path / "populer.toml"
    config.write_text("")
    done = run("alarms", "test", "--config", str(config))
    assert done.returncode == 1
    assert done.stderr.startswith("populer: no receiver is set: name one in alarms.webhooks")
    assert "no site is called 'x'; there are default" in run("alarms", "test", "--site", "x", cwd=tmp_path).stderr
