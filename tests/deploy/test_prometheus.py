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
{series}
    alert_rule_test:
      - eval_time: 40m
        alertname: {name}
        exp_alerts: [{alerts}]
"""
REQUESTS = "populer_http_request_duration_seconds_count"
RUNS = "populer_job_runs_total"
#: Series by the values of their first 40 minutes, an alert, and the labels that it has; None: it is not raised.
CASES: dict[str, tuple[dict[str, str], str, dict[str, str] | None]] = {
    "one in fifty fails": (
        {f'{REQUESTS}{{instance="a",route="list",status="2xx"}}': "0+98x60",
         f'{REQUESTS}{{instance="a",route="list",status="5xx"}}': "0+2x60"},
        "PopulerErrors", {"instance": "a", "severity": "critical"},
    ),
    "one in two hundred fails": (
        {f'{REQUESTS}{{instance="a",route="list",status="2xx"}}': "0+199x60",
         f'{REQUESTS}{{instance="a",route="list",status="5xx"}}': "0+1x60"},
        "PopulerErrors", None,
    ),
    "a worker ends every five minutes": (
        {'populer_process_restarts_total{instance="a",process="api-0"}': "0 0 0 0 " + " ".join(
            str(n // 5) for n in range(56))},
        "PopulerRestarts", {"instance": "a", "process": "api-0", "severity": "warning"},
    ),
    "a worker has ended once": (
        {'populer_process_restarts_total{instance="a",process="api-0"}': "0x30 1x30"}, "PopulerRestarts", None,
    ),
    "each run of a job fails": (
        {f'{RUNS}{{name="feeds",outcome="failed"}}': "0+6x60", f'{RUNS}{{name="feeds",outcome="done"}}': "7x60",
         f'{RUNS}{{name="refresh",outcome="done"}}': "0+12x60"},
        "PopulerJobFails", {"name": "feeds", "severity": "warning"},
    ),
    "some runs of a job fail": (
        {f'{RUNS}{{name="feeds",outcome="failed"}}': "0+6x60", f'{RUNS}{{name="feeds",outcome="done"}}': "0+1x60"},
        "PopulerJobFails", None,
    ),
}  # fmt: skip


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


def rule_test(series: dict[str, str], alert: str, labels: dict[str, str] | None) -> str:
    """A unit test for promtool: after 40 minutes of `series`, `alert` is raised with `labels`, or is not."""
    rule = RULES.read_text().split(f"- alert: {alert}\n")[1].split("- alert: ")[0]
    alerts = ""
    if labels is not None:
        annotations = ", ".join(
            f'{name}: "{text}"' for name, text in re.findall(r"(summary|description|runbook): (.+)", rule)
        )
        for name, value in labels.items():
            annotations = annotations.replace(f"{{{{ $labels.{name} }}}}", value)
        listed = ", ".join(f"{name}: {value}" for name, value in labels.items())
        alerts = f"{{ exp_labels: {{ {listed} }}, exp_annotations: {{ {annotations} }} }}"
    given = "\n".join(f"      - {{ series: '{name}', values: '{values}' }}" for name, values in series.items())
    return TEST.format(rules=RULES, series=given, name=alert, alerts=alerts)


def run_promtool(*arguments: str) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_rule_is_raised_when_it_must_be(
    case: tuple[dict[str, str], str, dict[str, str] | None], tmp_path: Path
) -> None:
    test = tmp_path / "test.yml"
    test.write_text(rule_test(*case))
    run_promtool("test", "rules", str(test))


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_accepts_the_rules_and_one_fires_by_what_the_service_says(tmp_path: Path) -> None:
    run_promtool("check", "rules", str(RULES))
    metric = of_alarms([Alarm("list_stale", "…", "koran", "populer")], ["koran"])
    (raised,) = (sample for sample in metric.samples if sample.value)
    labels = ",".join(f'{name}="{value}"' for name, value in raised.labels.items())
    test = tmp_path / "test.yml"
    series = {f"{raised.name}{{{labels}}}": "1x60"}
    test.write_text(rule_test(series, "PopulerListStale", {"site": "koran", "severity": "critical"}))
    run_promtool("test", "rules", str(test))
