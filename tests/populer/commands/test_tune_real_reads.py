"""On the real reads of an article site, the tuner finds what was measured on them by other means."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from populer.config import load
from populer.log_files.log_site import LogSite, Rules
from populer.tuning.candidates import based
from populer.tuning.run import TuneRequest, tune
from ranking.tuning.evidence import Evidence
from ranking.tuning.walk_forward import Wanted

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "article-reads"
ZONE = ZoneInfo("Asia/Seoul")

#: capture@10 and kept of rankings at every full hour from the eighth day on, a reader's repeats left out.
MEASURED = {
    "sum over 7 days": (0.242, 9.8),
    "hacker-news": (0.339, 7.9),
    "reddit": (0.323, 8.5),
    "last 24h": (0.597, 9.5),
    "last 1h": (0.771, 5.7),
    "last 3h": (0.760, 7.9),
    "last 6h": (0.731, 8.7),
    "half-life 24h": (0.527, 9.7),
    "half-life 12h": (0.631, 9.6),
    "half-life 6h": (0.700, 9.4),
    "half-life 3h": (0.754, 9.0),
    "half-life 2h": (0.774, 8.8),
    "half-life 1h": (0.796, 8.0),
    "half-life 30m": (0.790, 6.9),
}
WINDOWS = {"7d": "sum over 7 days", "24h": "last 24h", "1h": "last 1h", "3h": "last 3h", "6h": "last 6h"}


@pytest.fixture(scope="module")
def measured() -> dict[str, Evidence]:
    """Evidence by how it was asked for: half-lives and rankings of others, and windows."""
    if not REAL.exists():
        pytest.skip(f"needs the real reads at {REAL}")
    loaded = load(Path("/dev/null"), {})
    site, rules = LogSite(), Rules(300, ZONE, loaded.settings.ingest.dedupe_window_s)
    site.describe([REAL / "items.csv.gz"], rules)
    site.count([REAL / "events.csv.gz"], rules)
    base = based(loaded.settings, loaded.raw, "populer", [], ["view"])
    half_lives = ",".join(name.removeprefix("half-life ") for name in MEASURED if name.startswith("half-life"))
    asked = {
        "half-lives": TuneRequest(
            base, Wanted(), grids=[f"half_life={half_lives}"], presets=["hacker-news", "reddit"], dated_only=True
        ),
        "windows": TuneRequest(base, Wanted(), grids=["decay=window", f"window={','.join(WINDOWS)}"], dated_only=True),
    }
    return {
        name: tune(site, each, ZONE, site.known_until, lambda _: lambda: None).evidence for name, each in asked.items()
    }


@pytest.mark.real_data
@pytest.mark.timeout(300)
def test_what_was_measured_on_real_reads_is_found_again(measured: dict[str, Evidence]) -> None:
    found = {}
    for each in measured["half-lives"].measured:
        changes = each.candidate.changes
        found[changes.get("preset") or f"half-life {changes['half_life']}"] = each
    for each in measured["windows"].measured:
        if each is not measured["windows"].current:
            found[WINDOWS[each.candidate.changes["window"]]] = each
    assert measured["half-lives"].steps == measured["windows"].steps == 168
    for name, (capture, kept) in MEASURED.items():
        assert found[name].capture == pytest.approx(capture, abs=0.01), name
        assert found[name].kept == pytest.approx(kept, abs=0.15), name  # of equal counts, which come first


@pytest.mark.real_data
@pytest.mark.timeout(300)
def test_the_best_of_real_reads_is_a_half_life_of_an_hour(measured: dict[str, Evidence]) -> None:
    found = measured["half-lives"]
    assert found.best.candidate.changes == {"half_life": "1h"}
    assert found.current is not None
    assert found.gain is not None
    assert found.gain.low > 0, "and that is no chance"
