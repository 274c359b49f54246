"""`populer tune` on logs and on the store: what it says, to whom, and what it refuses to say."""

import csv
import gzip
import json
import math
import re
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service import Service, run, serving

from populer.cli import app
from populer.config import load
from populer.log_files import log_site
from populer.log_files.log_site import LogSite, Rules, moments_of
from populer.tuning.candidates import based, candidates, settled
from populer.tuning.output import toml_of
from ranking.errors import PopulerError, SettingsError
from ranking.settings.learned import LearnedSetting
from ranking.tuning.evidence import Candidate

ROOT = Path(__file__).parents[3]
HOUR_S, DAY_S = 3600, 86_400
START = 1_764_522_000  # 2025-12-01 in Jakarta
DAYS = 5
SHORT = ("--warmup", "1d")
AT_2H = ("--set", "half_life=2h")
Row = tuple[float, str, str, str, str]  # ts, item, visitor, kind, source


def reads(days: int = DAYS, seed: int = 1) -> list[Row]:
    """Ten stories a day, each read a lot at first and hardly after some hours; one that is always read."""
    draw = np.random.default_rng(seed)
    rows: list[Row] = []
    for hour in range(days * 24):
        for story in range(days * 10):
            age_h = hour - story * 2.4
            if age_h >= 0:
                n = draw.poisson((5 + story % 7) * math.exp(-age_h / 3))
                seconds = draw.integers(0, HOUR_S, n).tolist()
                rows += [(START + hour * HOUR_S + each, f"story-{story}", "", "view", "") for each in seconds]
        rows += [(START + hour * HOUR_S + each, "evergreen", "", "view", "") for each in (60, 1800, 3590)]
    return sorted(rows)


def write_log(path: Path, rows: Iterable[Row]) -> Path:
    with gzip.open(path, "wt", newline="") as file:
        out = csv.writer(file)
        out.writerow(("ts", "item", "visitor", "kind", "source"))
        out.writerows(rows)
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("log") / "events.csv.gz", reads())


@pytest.fixture(autouse=True)
def _nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("POPULER_CONFIG", "POPULER_KEY"):
        monkeypatch.delenv(name, raising=False)


def found(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    app(["tune", *options, "--json"], standalone_mode=False)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def shown(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    app(["tune", *options], standalone_mode=False)
    return capsys.readouterr().out


def refused(*options: str) -> str:
    with pytest.raises(PopulerError) as raised:
        app(["tune", *options], standalone_mode=False)
    return str(raised.value)


# What it says


def test_the_document_has_the_form_of_the_contract(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = found(capsys, "--events", str(log), *SHORT, "--grid", "half_life=1h,6h", "--k", "5", *AT_2H)
    assert (one["list"], one["horizon_s"], one["step_s"], one["k"], one["steps"]) == ("populer", 3600, 3600, 5, 96)
    assert [each["settings"] for each in one["candidates"]] == [{"half_life": h} for h in ("1h", "2h", "6h")]
    for each in one["candidates"]:
        assert 0 < each["capture"] <= 1
        assert 0 < each["ndcg"] <= 1
        assert 0 < each["kept"] <= 5
        low, high = each["ci"]
        assert low <= each["capture"] <= high
    assert one["current"] == one["candidates"][1]
    assert one["best"] == max(one["candidates"], key=lambda each: each["capture"])


def test_the_same_log_gives_the_same_document(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--events", str(log), *SHORT, "--grid", "half_life=1h,6h")
    assert found(capsys, *options) == found(capsys, *options)


def test_the_half_lives_of_the_usual_grid_are_tried_and_the_lists_own(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = found(capsys, "--events", str(log), *SHORT, "--set", "half_life=5h")
    tried = [each["settings"]["half_life"] for each in one["candidates"]]
    assert tried.index("5h") == tried.index("4h") + 1, "it stands in its place"
    assert {"15m", "30m", "1h", "2h", "6h", "1d", "7d"} <= set(tried)
    assert one["current"]["settings"] == {"half_life": "5h"}


def test_the_table_marks_what_is_ours_and_ends_with_what_to_paste(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, "--events", str(log), *SHORT, "--set", "half_life=1d", "--grid", "half_life=2h,1d")
    assert "half_life = 1d (yours)" in text
    assert "half_life = 2h would have caught" in text
    assert "; your 1d caught" in text
    pasted = text[text.index("[lists.populer]") :]
    assert tomllib.loads(pasted) == {"lists": {"populer": {"half_life": "2h"}}}


def test_nothing_is_to_be_pasted_where_the_best_is_there_already(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = found(capsys, "--events", str(log), *SHORT, "--set", "half_life=2h", "--grid", "half_life=2h,7d")
    assert one["toml"] == ""
    assert one["sentence"].startswith("Nothing tried is better than what you have")


def test_rankings_of_others_are_tried_by_name_beside_the_half_lives(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = found(capsys, "--events", str(log), *SHORT, "--preset", "jetpack", "--preset", "guardian")
    tried = [each["settings"] for each in one["candidates"]]
    assert tried[-2:] == [{"preset": "jetpack"}, {"preset": "guardian"}]
    assert {"half_life": "1h"} in tried


def test_self_clicks_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(*row[:4], "list:populer" if number % 4 == 0 else "") for number, row in enumerate(reads())]
    log = write_log(tmp_path / "e.csv.gz", rows)
    one = found(capsys, "--events", str(log), *SHORT)
    assert one["self_clicks"] == pytest.approx(0.25, abs=0.01)
    assert one["best"]["self_clicks"] == pytest.approx(0.25, abs=0.05)
    assert "clicks in lists" in shown(capsys, "--events", str(log), *SHORT)


def test_other_kinds_are_read_where_there_are_no_views(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(tmp_path / "e.csv.gz", [(ts, item, visitor, "vote", "") for ts, item, visitor, _, _ in reads()])
    one = found(capsys, "--events", str(log), *SHORT)
    assert one["reads"] == ["vote"]
    assert one["best"]["capture"] > 0.5
    assert one["notes"][0] == "populer weighs none of the events, which are vote: here each of them counts 1"
    weighed = found(capsys, "--events", str(log), *SHORT, "--set", "weights.vote=1")
    assert weighed["candidates"] == one["candidates"]
    pasted = tomllib.loads(weighed["toml"])["lists"]["populer"]
    assert pasted["weights"] == {"view": 1, "click": 3, "vote": 1}, "what was tried is what is pasted"


def test_the_best_at_the_end_of_what_was_tried_is_told(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--events", str(log), *SHORT, "--set", "half_life=3d")
    (note,) = found(capsys, *options, "--grid", "half_life=1d,2d,3d")["notes"]
    assert note.startswith("half_life = 1d is the shortest that was tried: what lies beyond may be better still")
    assert found(capsys, *options, "--grid", "half_life=2h")["notes"] == [], "two values are no row"


def test_a_section_is_tuned_by_itself(tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = tmp_path / "items.ndjson"
    items.write_text("\n".join(json.dumps({"id": f"story-{n}", "section": f"s{n % 2}"}) for n in range(DAYS * 10)))
    options = ("--events", str(log), "--items", str(items), *SHORT, "--grid", "half_life=1h")
    assert found(capsys, *options, "--section", "s1")["section"] == "s1"
    assert "no item is in a section called 'sport'" in refused(*options, "--section", "sport")


# What it refuses to say


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            (),
            "the history is 5d long, and that is too short: "
            "a warmup of 7d, 12 steps of 1h and a horizon of 1h take 7d12h",
        ),
        (("--horizon", "6d"), "the horizon of 6d is longer than the history of 5d"),
        (("--horizon", "7m"), "horizon: expected a multiple of 5m"),
        (("--horizon", "soon"), "--horizon: expected a duration such as 90s, 15m, 6h or 7d, found 'soon'"),
        ((*SHORT, "--list", "nope"), "no list is called 'nope'"),
        ((*SHORT, "--list", "update"), "update lists the latest: it forgets nothing, and there is nothing to tune"),
        ((*SHORT, "--grid", "half_life"), "--grid: expected KEY=VALUE,VALUE such as half_life=30m,1h,2h"),
        ((*SHORT, "--grid", "half_life=1h,auto"), "--grid: half_life: expected a duration to try, found 'auto'"),
        ((*SHORT, "--set", "half_life=auto"), "--set: half_life: expected a duration to try, found 'auto'"),
        ((*SHORT, "--grid", "half_life=1h,soon"), "lists.populer.half_life: expected a duration such as"),
        (
            (*SHORT, "--grid", "half_live=1h"),
            "lists.populer.half_live: is not a setting; did you mean half_life? (--grid)",
        ),
        ((*SHORT, "--grid", "half_life=1h", "--grid", "half_life=2h"), "--grid: each setting once"),
        ((*SHORT, "--grid", "size=" + ",".join(map(str, range(1, 502)))), "--grid: at most 500 combinations"),
        ((*SHORT, "--preset", "hackernews"), "did you mean hacker-news?"),
        ((*SHORT, "--reads", "click"), "--reads: there are no events of click, only view"),
        ((*SHORT, "--undated", "maybe"), "--undated: expected first-seen or out, found 'maybe'"),
        ((*SHORT, "--list", "trending", "--grid", "half_life=1h"), "half_life does nothing to a burst list"),
        ((*SHORT, "--set", "floor=1e9", "--set", "fill=none"), "the list is empty at every one of 96 steps"),
    ],
)
def test_what_cannot_be_told_is_refused_in_a_sentence(log: Path, options: tuple[str, ...], sentence: str) -> None:
    assert sentence in refused("--events", str(log), *options)


def test_a_file_that_is_none_and_a_log_without_events_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refused("--events", str(tmp_path / "none.csv"))
    assert refused("--events", str(write_log(tmp_path / "e.csv.gz", []))) == (
        "there is no history: a warmup of 7d, 12 steps of 1h and a horizon of 1h take 7d12h"
    )


def test_rankings_by_publication_are_left_out_where_no_item_has_a_date(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--events", str(log), *SHORT, *AT_2H)
    one = found(capsys, *options, "--preset", "reddit", "--grid", "half_life=1h")
    assert [each["settings"] for each in one["candidates"]] == [{"half_life": "1h"}, {"half_life": "2h"}]
    assert one["notes"] == [
        "left out, as they rank by publish times and no item that was read has one: preset = reddit"
    ]
    assert "name a catalogue that has them (--items)" in refused(*options, "--set", "max_age=2d")
    assert found(capsys, *options, "--set", "max_age=2d", "--undated", "first-seen")["best"]["capture"] > 0.5


def test_a_share_of_items_without_a_date_is_told(tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = tmp_path / "items.csv"
    lines = [f"story-{n},{START + n * 8640}" for n in range(DAYS * 10)]
    items.write_text("\n".join(["item_id,published_epoch", *lines]))
    one = found(capsys, "--events", str(log), "--items", str(items), *SHORT, "--preset", "reddit")
    assert {"preset": "reddit"} in [each["settings"] for each in one["candidates"]]
    assert one["notes"][0].endswith(
        "% of the reads are on items without a publish time, which are in no ranking by publication"
    )


def test_bad_rows_are_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad: list[Row] = [(START, "", "", "view", ""), (START, "a", "", "VIEW!", ""), (START, "a", "", "view", "a b")]
    log = write_log(tmp_path / "e.csv.gz", [*bad, *reads()])
    note, *_ = found(capsys, "--events", str(log), *SHORT)["notes"]
    assert note.startswith(
        "3 rows could not be read: e.csv.gz:2: has neither an item nor a url; e.csv.gz:3: kind: must"
    )


# The store


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[tuple[Service, Path]]:
    """A service that has recorded the log."""
    folder = tmp_path_factory.mktemp("replayed")
    config = folder / "populer.toml"
    config.write_text('[retention]\nkeep = "36500d"\nroll_up = { hour = "none", day = "none" }\n')
    with serving(folder / "data", "--config", str(config)) as service:
        done = run("replay", str(log), "--to", service.url, "--data", str(service.data_dir))
        assert done.returncode == 0, done.stderr
        yield service, config


def test_the_store_says_what_its_log_says(
    replayed: tuple[Service, Path], log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service, config = replayed
    options = (*SHORT, *AT_2H, "--grid", "half_life=30m,3h", "--preset", "hacker-news", "--undated", "first-seen")
    done = run("tune", "--config", str(config), "--data", str(service.data_dir), "--json", *options, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {**found(capsys, "--events", str(log), *options), "events": None}


def test_the_store_has_items_of_its_own_and_must_be_there(replayed: tuple[Service, Path], tmp_path: Path) -> None:
    service, _ = replayed
    done = run("tune", "--data", str(service.data_dir), "--items", "items.csv", cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "populer: --items: goes with --events, as the store has items of its own\n"
    assert "no service runs in" in refused("--data", str(tmp_path))


# Night by night


def test_what_would_have_been_served_stands_beside_the_grid(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--events", str(log), *SHORT, *AT_2H, "--grid", "half_life=1h,6h")
    one = found(capsys, *options, "--try", "auto", "--try", "forecast", "--try", "rule")
    plain = found(capsys, *options)
    ways = {each["settings"]["try"]: each for each in one["candidates"] if "try" in each["settings"]}
    assert set(ways) == {"auto", "forecast", "rule"}
    for each in ways.values():
        assert 0 < each["capture"] <= 1
        assert each["days"] == one["days"]
        assert each["ci"][0] <= each["capture"] <= each["ci"][1]
    assert [each for each in one["candidates"] if "try" not in each["settings"]] == plain["candidates"]
    assert (one["best"], one["current"], one["toml"]) == (plain["best"], plain["current"], plain["toml"])
    assert any(note.startswith("rule ends at ") and " reads an hour of " in note for note in one["notes"])


def test_a_small_site_is_told_how_little_its_reads_can_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.csv"
    draw = np.random.default_rng(3)
    at = np.sort(draw.uniform(START, START + 20 * 86_400, 2_000))
    lines = [f"{moment:.0f},story-{draw.integers(300)},view" for moment in at]
    small.write_text("\n".join(["ts,item,kind", *lines]))
    one = found(capsys, "--events", str(small), *SHORT, *AT_2H)
    assert "4.2 reads followed a list on average: of so few most is chance" in " ".join(one["notes"])
    assert "rather take a longer half-life" in " ".join(one["notes"])


def test_a_way_that_there_is_not_is_refused(log: Path) -> None:
    assert "--try: expected auto, rule, forecast, found 'magic'" in refused(
        "--events", str(log), *SHORT, "--try", "magic"
    )
    assert "only ranked lists learn" in refused("--events", str(log), *SHORT, "--list", "trending", "--try", "auto")


def test_a_log_is_counted_as_the_service_counts_unless_it_is_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = tmp_path / "twice.csv"
    lines = [f"{START + hour * 3600 + again},a,v{hour},view,s" for hour in range(60) for again in (0, 9)]
    twice.write_text("\n".join(["ts,item,visitor,kind,section", *lines]))
    options = ("--events", str(twice), *SHORT)
    assert found(capsys, *options)["events"] == {"read": 120, "counted": 60}
    assert found(capsys, *options, "--dedupe", "0s")["events"] == {"read": 120, "counted": 120}


# What is tried


def tried(
    *grids: str, presets: tuple[str, ...] = (), list_name: str = "populer", table: dict[str, Any] | None = None
) -> list[Candidate]:
    return candidates(based_on(list_name, table or {}), grids, presets, 300)


def based_on(list_name: str, table: dict[str, Any]) -> Any:
    loaded = load(Path("/dev/null"), {}, {"lists": {list_name: table}})
    return based(loaded.settings, loaded.raw, list_name, [], ["view", "click"])


def test_a_list_that_tunes_itself_is_tried_from_where_it_is() -> None:
    loaded = load(Path("/dev/null"), {}, {"lists": {"populer": {"half_life": "auto", "max_age": "3d"}}})
    learned = {"populer": LearnedSetting(2700.0, 1.0)}
    for known, half_life in ((learned, "45m"), ({}, "2h")):
        settings, raw = settled(loaded.settings, loaded.raw, "populer", known)
        found = candidates(based(settings, raw, "populer", [], ["view"]), ["half_life=1h"], (), 300)
        assert [each.changes for each in found if each.changes["half_life"] != "1h"] == [{"half_life": half_life}]
        assert all(each.settings.max_age_s == 3 * DAY_S and not each.settings.auto for each in found)


def test_a_grid_of_several_settings_is_their_product() -> None:
    changes = [each.changes for each in tried("half_life=1h,2h", "max_age=1d,none")]
    assert changes == [{"half_life": h, "max_age": age} for h in ("1h", "2h") for age in ("1d", "none")]


def test_a_list_is_tried_once_however_often_it_is_asked_for() -> None:
    assert [each.changes for each in tried("half_life=60m,1h,120m")] == [{"half_life": "60m"}, {"half_life": "120m"}]


def test_a_half_life_of_a_list_that_decays_otherwise_brings_the_decay_with_it() -> None:
    ours, other = tried("half_life=1h", table={"decay": "window", "window": "1d"})
    assert ours.changes == {"decay": "window", "window": "1d"}
    assert (other.changes, other.settings.decay) == ({"decay": "half-life", "half_life": "1h"}, "half-life")


def test_one_weight_leaves_the_others_as_they_are() -> None:
    *_, last = tried("weights.click=1,9")
    assert last.settings.weights == {"view": 1.0, "click": 9.0}


def test_a_ranking_of_others_is_tried_as_it_is_whatever_the_list_says() -> None:
    (*_, last) = tried(presets=("kitsu",), table={"half_life": "1h"})
    assert last.settings.half_life_s == 7 * DAY_S


def test_all_presets_are_every_one() -> None:
    assert len([each for each in tried("half_life=1h", presets=("all",)) if "preset" in each.changes]) >= 26


def test_a_burst_list_is_tried_with_other_short_spans() -> None:
    found = tried(list_name="trending")
    assert [each.changes for each in found][:3] == [{"short": "15m"}, {"short": "30m"}, {"short": "1h"}]


def test_a_setting_that_no_list_can_have_names_its_option() -> None:
    with pytest.raises(SettingsError, match=r"\(--grid\)"):
        tried("half_life=0s")


# Logs as sites


def site_of(path: Path, **rules: Any) -> LogSite:
    site = LogSite()
    site.count([path], Rules(300, ZoneInfo("Asia/Jakarta"), **rules))
    return site


def counts_of(site: LogSite) -> dict[tuple[str, str, float], float]:
    columns, history = site.history.columns(), site.history
    return {
        (
            history.items[columns.cell_item[cell]],
            history.channels[columns.cell_channel[cell]],
            columns.start_s[bucket],
        ): n
        for cell, bucket, n in zip(columns.cell, columns.bucket, columns.counts, strict=True)
    }


events = st.lists(
    st.tuples(
        st.integers(START, START + 4 * HOUR_S), st.sampled_from("abc"), st.sampled_from(["", "x", "y"]),
        st.sampled_from(["view", "click"]), st.sampled_from(["", "list:populer"]),
    ),
    max_size=60,
)  # fmt: skip


@settings(deadline=None)
@given(events, st.sampled_from([1, 7, 1000]))
def test_every_event_is_counted_in_its_bucket_however_long_the_log(rows: list[Row], at_once: int) -> None:
    expected = Counter(
        (item, f"{kind}@{source}" if source else kind, ts // 300 * 300) for ts, item, _, kind, source in rows
    )
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_site, "EVENTS_A_FOLD", at_once)
        site = site_of(write_log(Path(folder) / "e.csv.gz", rows))
    assert counts_of(site) == expected
    assert site.read.counted == len(rows)
    assert site.known_until == max((ts // 300 * 300 + 300 for ts, *_ in rows), default=0)


@settings(deadline=None)
@given(events, st.sampled_from([1, 600, 3600]))
def test_a_visitors_repeats_are_left_out_as_the_service_leaves_them_out(rows: list[Row], window_s: int) -> None:
    last: dict[tuple[str, str, str], float] = {}
    expected = 0
    for ts, item, visitor, kind, _ in sorted(rows, key=itemgetter(0)):
        if visitor and ts - last.get((item, visitor, kind), -math.inf) < window_s:
            continue
        last[item, visitor, kind] = ts
        expected += 1
    with tempfile.TemporaryDirectory() as folder:
        site = site_of(write_log(Path(folder) / "e.csv.gz", rows), dedupe_s=window_s)
    assert (site.read.counted, site.read.repeated) == (expected, len(rows) - expected)


def repeated(path: Path) -> Path:
    """The usual log with every event twice, a minute apart, by a reader of its own each."""
    twice = [
        (ts + later, item, f"v{number}", *rest)
        for number, (ts, item, _, *rest) in enumerate(reads())
        for later in (0, 60)
    ]
    return write_log(path / "twice.csv.gz", sorted(twice))


def test_repeats_do_not_count_by_default_and_both_counts_are_named(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice, options = repeated(tmp_path), (*SHORT, "--grid", "half_life=1h,6h")
    usual, raw = (found(capsys, "--events", str(twice), *options, *more) for more in ((), ("--dedupe", "0s")))
    many = len(reads())
    assert usual["events"] == {"read": 2 * many, "counted": many}
    assert raw["events"] == {"read": 2 * many, "counted": 2 * many}
    assert usual["candidates"] == found(capsys, "--events", str(log), *options)["candidates"]
    assert usual["notes"][0].startswith(f"{2 * many:,} events were read, and {many:,} count: repeats of a visitor")
    assert raw["notes"][0].endswith(f"and {2 * many:,} count, repeats too, which the service leaves out (--dedupe 30m)")


def test_events_between_two_snapshots_count_at_the_later_one(tmp_path: Path) -> None:
    times = [START + 10, START + 899, START + 900, START + 1000, START + 5000]
    log = write_log(tmp_path / "e.csv.gz", [(ts, "a", "", "vote", "") for ts in times])
    places = tmp_path / "lists.csv"
    places.write_text(
        "ts_epoch_seconds,rank,item_id\n" + "".join(f"{START + at},{rank},a\n" for at in (1800, 900) for rank in (1, 2))
    )
    rules = Rules(300, ZoneInfo("Asia/Jakarta"))
    rules.snapshots = moments_of(places, rules)
    assert rules.snapshots == [START + 900, START + 1800]
    site = LogSite()
    site.count([log], rules)
    columns = site.history.columns()
    assert dict(zip(columns.start_s.tolist(), columns.counts.tolist(), strict=True)) == {
        START + 900: 3,
        START + 1800: 1,
    }
    assert site.read.left_out == {"after the last snapshot": 1}


def test_front_and_the_best_within_the_objective_are_shown(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "populer.toml"
    config.write_text('[lists.populer]\nhalf_life = "auto"\nobjective = { changes = 0.4 }\n')
    options = ("--config", str(config), "--events", str(log), *SHORT, "--grid", "half_life=15m,1h,1d", "--k", "5")
    one = found(capsys, *options)
    costs = [each["cost"] for each in one["front"]]
    assert one["front"][0] == {"settings": one["best"]["settings"], "cost": 0, "ci": [0, 0]}
    assert costs == sorted(costs)
    assert one["within"] in one["candidates"]
    assert one["within"]["changed"] <= 0.4 < one["best"]["changed"]
    text = shown(capsys, *options)
    assert "What calm, freshness and variety cost" in text
    assert "Within the objective (at most 0.4 changes an hour) half_life = " in text


def test_kinds_that_nobody_named_are_not_mixed_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(*row[:3], ("vote", "comment")[number % 2], "") for number, row in enumerate(reads())]
    log = write_log(tmp_path / "e.csv.gz", rows)
    options = ("--events", str(log), *SHORT, "--grid", "half_life=1h")
    half = len(rows) // 2
    mixed = found(capsys, *options)
    assert mixed["reads"] == ["comment", "vote"]
    assert mixed["notes"][1].startswith(
        f"reads are comment ({half:,}) and vote ({len(rows) - half:,}) alike: --reads comment "
    )
    assert not any("alike" in note for note in found(capsys, *options, "--reads", "vote")["notes"])


def test_an_event_with_an_id_counts_once(tmp_path: Path) -> None:
    log = tmp_path / "e.ndjson"
    lines = [{"item": item, "ts": START, "id": id} for item, id in (("a", "1"), ("a", "1"), ("b", "1"), ("a", "2"))]
    log.write_text("\n".join(map(json.dumps, lines)))
    assert (site_of(log).read.counted, site_of(log).read.repeated) == (3, 1)


def test_addresses_are_the_items_that_they_are_for_the_service(tmp_path: Path) -> None:
    log = tmp_path / "e.ndjson"
    urls = ("https://www.news.example/read/12?utm_source=x", "http://news.example/read/12", "/read/12")
    log.write_text("\n".join(json.dumps({"url": url, "ts": START}) for url in urls))
    assert site_of(log, item_pattern=re.compile(r"/read/(\d+)")).history.items == ["12"]


def test_events_of_the_address_of_a_described_item_are_its(tmp_path: Path) -> None:
    catalogue, log = tmp_path / "items.csv", tmp_path / "log.csv"
    catalogue.write_text("id,title,url\n12345,Judul,https://www.koran.example/a\n")
    log.write_text(
        f"ts,item,url\n{START},12345,\n{START + 1},,http://koran.example/a/amp?utm_source=x\n{START + 2},lain,\n"
    )
    site, rules = LogSite(), Rules(300, ZoneInfo("Asia/Jakarta"))
    site.describe([catalogue], rules)
    site.count([log], rules)
    columns = site.history.columns()
    names = [site.history.items[row] for row in columns.cell_item[columns.cell]]
    assert dict(zip(names, columns.counts.tolist(), strict=True)) == {"12345": 2, "lain": 1}


def test_titles_and_local_dates_come_from_the_catalogue(tmp_path: Path) -> None:
    items = tmp_path / "items.ndjson"
    items.write_text('{"id": "a", "title": "Judul", "published_at": "2025-12-01T00:00:00"}\n{"id": " "}\n')
    site = LogSite()
    site.describe([items], Rules(300, ZoneInfo("Asia/Jakarta")))
    assert site.details([0])[0].title == "Judul"
    assert site.details([0])[0].published_at == START
    assert site.read.unreadable.count == 1


# What is to be pasted


def _last(candidate: Candidate) -> str:
    return list(candidate.changes.values())[-1]


@pytest.mark.parametrize(
    ("grid", "table"),
    [
        ("half_life=1h", {"half_life": "1h"}),
        ("max_age=none", {"max_age": "none"}),
        ("exponent=1.5", {"exponent": 1.5}),
        ("weights.click=9", {"weights": {"view": 1, "click": 9}}),
        ("weights.click@newsletter=9", {"weights": {"view": 1, "click": 3, "click@newsletter": 9}}),
        ("sections=false", {"sections": False}),
        ('bonus_kinds=["click"]', {"bonus_kinds": ["click"]}),
        ("preset=reddit", {"preset": "reddit"}),
    ],
)
def test_what_is_pasted_is_what_was_tried(grid: str, table: dict[str, Any]) -> None:
    chosen = next(each for each in tried(grid, table={"max_age": "3d"}) if grid.endswith(f"={_last(each)}"))
    assert tomllib.loads(toml_of("populer", chosen)) == {"lists": {"populer": table}}


def test_a_combination_of_a_grid_is_tried_by_those_of_its_changes_that_have_an_effect() -> None:
    changes = [each.changes for each in tried("decay=half-life,window", "half_life=1h,3h", table={"window": "1d"})]
    assert {"decay": "half-life", "half_life": "1h"} in changes
    assert changes.count({"decay": "window"}) == 1
    assert not [each for each in changes if each.get("decay") == "window" and "half_life" in each]


def test_a_forecast_is_tried_on_every_half_life_of_the_grid() -> None:
    names = {each.name for each in tried("decay=half-life,forecast", "half_life=1h,6h")}
    assert {f"decay = {decay}, half_life = {of}" for decay in ("half-life", "forecast") for of in ("1h", "6h")} <= {
        *names
    }


@pytest.mark.parametrize("grid", ["gravity=1.5,2", "short=10m,1h"])
def test_a_grid_of_a_setting_that_has_no_effect_in_any_combination_is_refused(grid: str) -> None:
    with pytest.raises(SettingsError, match=rf"^--grid: {grid.partition('=')[0]}: has no effect with "):
        tried(grid)


def test_presets_are_tried_with_the_weights_of_the_list_and_without_shared_changes_that_they_do_not_use() -> None:
    loaded = load(
        Path("/dev/null"), {}, {"lists": {"populer": {"weights": {"vote": 1}}}, "ingest": {"kinds": ["vote"]}}
    )
    base = based(loaded.settings, loaded.raw, "populer", ["half_life=3h"], ["vote"])
    found = {each.changes["preset"]: each for each in candidates(base, [], ("all",), 300) if "preset" in each.changes}
    assert found["lobsters"].settings.weights == found["reddit"].settings.weights == {"vote": 1}
    pasted = toml_of("populer", found["reddit"], base.shared(found["reddit"].changes))
    assert tomllib.loads(pasted) == {"lists": {"populer": {"preset": "reddit"}}}
