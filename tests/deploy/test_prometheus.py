"""The rules for Prometheus name every alarm, and fire by what the service says; promtool looks where there is one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.monitoring.metrics import of_alarms
from ranking.watching.alarms import ALARMS, OF_SITES, Alarm

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/populer.rules.yml"
PROMTOOL = shutil.which("promtool")
TEST = """
rule_files: [{rules}]
tests:
  - interval: 1m
    input_series:
      - series: '{series}'
        values: '1x30'
    alert_rule_test:
      - eval_time: 20m
        alertname: {name}
        exp_alerts: [{{ exp_labels: {{ {labels} }}, exp_annotations: {{ {annotations} }} }}]
"""


def rules() -> dict[str, str]:
    """Alarm -> the text of its rule."""
    text = RULES.read_text()
    found = {}
    for rule in text.split("- alert: ")[1:]:
        if match := re.search(r'alarm="(\w+)"', rule):
            found[match[1]] = rule
    return found


def test_every_alarm_has_a_rule_that_is_grouped_by_what_it_is_about() -> None:
    assert sorted(rules()) == sorted(ALARMS)
    for alarm, rule in rules().items():
        assert ("by (site)" in rule) == (alarm in OF_SITES), alarm


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    pages = dict(re.findall(r"- alert: (\w+)\n(?:(?!- alert).*\n)*?\s+runbook: (\S+)", RULES.read_text()))
    assert list(pages) == re.findall(r"- alert: (\w+)", RULES.read_text())
    assert pages == {alert: f"docs/runbooks/{alert}.md" for alert in pages}
    assert {page.name for page in (ROOT / "docs/runbooks").iterdir()} == {f"{alert}.md" for alert in pages}
    for alert, page in pages.items():
        text = (ROOT / page).read_text()
        assert text.startswith(f"# {alert}\n"), page
        assert "**See**" in text, page
        assert "**Do**" in text, page


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_accepts_the_rules_and_one_fires_by_what_the_service_says(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    metric = of_alarms([Alarm("list_stale", "…", "koran", "populer")], ["koran"])
    (raised,) = (sample for sample in metric.samples if sample.value)
    labels = ",".join(f'{name}="{value}"' for name, value in raised.labels.items())
    rule = rules()["list_stale"]
    annotations = ", ".join(
        f'{name}: "{text}"' for name, text in re.findall(r"(summary|description|runbook): (.+)", rule)
    ).replace("{{ $labels.site }}", "koran")
    test = tmp_path / "test.yml"
    test.write_text(
        TEST.format(
            rules=RULES, series=f"{raised.name}{{{labels}}}", name="PopulerListStale", annotations=annotations,
            labels="site: koran, severity: critical",
        )
    )  # fmt: skip
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(test)]):
        done = subprocess.run([PROMTOOL, *command], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
