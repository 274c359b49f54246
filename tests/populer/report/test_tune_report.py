"""The report: one page that asks nobody for anything, says what was found, and shows the lists at any step."""

import json
import math
import re
import shutil
import subprocess
from html import escape
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuned_site import details_of, html_of, tuning

from populer.report import charts
from populer.report.charts import Frame, Label
from populer.report.page import write
from populer.tuning.run import Tuning
from ranking.errors import PopulerError
from ranking.settings.sites import SiteSettings

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&\'"'
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def embedded(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="lists">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


@pytest.fixture(scope="module")
def tuned() -> Tuning:
    return tuning()


def test_the_page_asks_no_host_for_anything(tuned: Tuning) -> None:
    html = html_of(tuned)
    assert not re.findall(r"<(?:link|iframe|object|embed|base)\b|\bsrc\s*=|@import|url\(", html)
    assert not re.findall(r"https?://", html)


def test_the_page_says_what_the_terminal_says(tuned: Tuning) -> None:
    from populer.tuning.output import toml
    from ranking.tuning.evidence import sentence
    from ranking.tuning.trade_off import in_words

    html = html_of(tuned)
    front = list(in_words(tuned.evidence, tuned.request.objective))
    assert len(front) > 1
    for line in front:
        assert escape(line.strip()) in html
    assert escape(sentence(tuned.evidence)) in html
    assert escape(toml(tuned), quote=False).replace('"', "&#34;") in html
    for each in tuned.evidence.measured:
        assert f"{100 * each.capture:.1f} %" in html


def test_what_is_drawn_by_hour_and_by_day_is_there_in_numbers(tuned: Tuning) -> None:
    html = html_of(tuned)
    assert html.count("The same in numbers") == 2
    assert [f'<th scope="row">{hour:02}:00</th>' in html for hour in range(24)] == [True] * 24
    current = tuned.evidence.current
    assert current is not None
    for day in range(int(tuned.evidence.day[-1]) + 1):
        mean = current.trace.capture[tuned.evidence.day == day].mean()
        assert f"<td>{100 * mean:.1f} %</td>" in html


def test_the_lists_of_every_step_are_in_the_page(tuned: Tuning) -> None:
    found, evidence = embedded(html_of(tuned)), tuned.evidence
    steps = evidence.plan.steps
    assert [len(each) for each in found["lists"]] == [steps] * 3
    assert len(found["at"]) == steps
    assert evidence.current is not None
    for step in (0, steps // 2, steps - 1):
        titles = [found["items"][item][0] for item in found["lists"][0][step]]
        assert titles == [f"Judul {row}" for row in evidence.current.trace.rows[step].tolist()]
        assert found["reads"][2][step] == sorted(found["reads"][2][step], reverse=True)
        caught = sum(found["reads"][0][step]) / sum(found["reads"][2][step])
        assert found["capture"][0][step] == pytest.approx(caught, abs=1e-4)


def test_the_page_shows_lists_without_its_script(tuned: Tuning) -> None:
    html = html_of(tuned).partition('<script type="application/json"')[0]
    found = embedded(html_of(tuned))
    for item in found["lists"][0][found["start"]]:
        assert f"<b>{found['items'][item][0]}</b>" in html


def test_a_title_is_text_whatever_it_holds(tuned: Tuning) -> None:
    html = html_of(tuned, title=HOSTILE, url="javascript:alert(3)")
    assert "<img" not in html
    assert html.count("<script") == html.count("</script>") == 2
    assert embedded(html)["items"][0] == [HOSTILE, ""], "and an address that is none leads nowhere"
    assert embedded(html_of(tuned, url="https://x.test/1"))["items"][0][1] == "https://x.test/1"


@pytest.mark.parametrize(
    "options",
    [
        {"grid": "half_life=2h"},  # nothing but what there is
        {"grid": "half_life=2h,30d"},  # what there is, is the best
        {"grid": "floor=1e12"},
        {"hours": 48},  # too few days for an interval
        {"own": True},
        {"presets": ["jetpack", "guardian", "mastodon"]},
        {"grid": "weights.click=1,5"},
    ],
)
def test_every_chart_is_well_formed_whatever_was_tried(options: dict[str, Any]) -> None:
    html = html_of(tuning(**options))
    drawn = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawn) == 5
    for each in drawn:
        ET.fromstring(each)  # noqa: S314
        assert "nan" not in each
        assert "inf" not in each.replace("information", "")


def test_a_page_that_cannot_be_written_is_told_in_a_sentence(tuned: Tuning, tmp_path: Path) -> None:
    write(tmp_path / "r.html", tuned, SiteSettings(), details_of())
    assert (tmp_path / "r.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    with pytest.raises(PopulerError, match=r"--report: .* cannot be written: Is a directory"):
        write(tmp_path, tuned, SiteSettings(), details_of())


# In a browser


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("step", [0, 60])
def test_the_slider_shows_the_lists_of_its_moment(tuned: Tuning, tmp_path: Path, step: int) -> None:
    html = html_of(tuned)
    found = embedded(html)
    moved = (
        "<script>addEventListener('error', (e) => { document.title = e.message; });"
        f"const s = document.getElementById('moment'); s.value = {step}; s.dispatchEvent(new Event('input'));</script>"
    )
    file = tmp_path / "report.html"
    file.write_text(html.replace("</body>", f"{moved}</body>"), encoding="utf-8")
    command = (str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}")
    done = subprocess.run(
        [*command, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    assert f'aria-valuetext="{found["at"][step]}"' in done.stdout
    for number, column in enumerate(re.findall(r"<ol>(.*?)</ol>", done.stdout, re.DOTALL)):
        expected = [found["items"][item][0] for item in found["lists"][number][step]]
        assert re.findall(r"<b>(.*?)</b>", column) == expected
    assert "<title>populer: what another decay would have done</title>" in done.stdout, "no script failed"


# Charts


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(3, 10))
def test_ticks_are_round_within_the_range_and_not_too_many(low: float, span: float, most: int) -> None:
    found = charts.ticks(low, low + span, most)
    assert len(found) <= most + 1
    slack = max(span * 1e-6, 4 * math.ulp(abs(low) + span), 1e-10)  # ticks have ten decimals
    assert all(low - slack <= tick <= low + span + slack for tick in found)


places = st.tuples(st.floats(60, 700), st.floats(30, 380))


@given(st.lists(places, max_size=40))
def test_no_label_covers_another(points: list[tuple[float, float]]) -> None:
    frame = Frame(760, 430)
    labels = [Label(x, y, f"label {number}", "label") for number, (x, y) in enumerate(points)]
    boxes = []
    for text in charts.placed(labels, frame):
        element = ET.fromstring(text)  # noqa: S314
        anchor = element.attrib["class"].split()[-1]
        width = charts.CHAR_WIDTH * len(element.text or "")
        left = float(element.attrib["x"]) - {"start": 0, "middle": width / 2, "end": width}[anchor]
        top = float(element.attrib["y"]) - charts.LABEL_HEIGHT + 3
        boxes.append((left, top, left + width, top + charts.LABEL_HEIGHT))
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        wide = min(one[2], other[2]) - max(one[0], other[0])
        high = min(one[3], other[3]) - max(one[1], other[1])
        assert apart or min(wide, high) < 0.2, "but for the rounding of what is written"


def test_a_line_breaks_where_nothing_was_measured() -> None:
    found = ET.fromstring(charts.line([(0, 1), (1, float("nan")), (2, 3), (4, 5)], "line"))  # noqa: S314
    assert found.attrib["d"] == "M0 1M2 3L4 5"
