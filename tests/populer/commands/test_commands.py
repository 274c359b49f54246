"""`items import`, `replay` and `rank` against a real service, on the committed slice of reads."""

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from service import Service, run, serving

from populer.config import effective, load

SLICE = Path(__file__).parents[2] / "data" / "reads_slice.csv"
HALF_LIFE_S = 3600.0


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A service that has recorded the slice."""
    folder = tmp_path_factory.mktemp("replayed")
    config = folder / "populer.toml"
    config.write_text('[retention]\nkeep = "36500d"\n[lists.populer]\nsize = 10\n')
    with serving(folder / "data", "--config", str(config)) as service:
        done = run("replay", str(SLICE), "--to", service.url, "--data", str(service.data_dir))
        assert done.returncode == 0, done.stderr
        yield service, config, done.stdout


def reads() -> list[tuple[float, str, float]]:
    """When, which item, and what its kind weighs by default."""
    weights = {"view": 1.0, "click": 3.0}
    with SLICE.open(newline="") as file:
        return [(float(row["ts_epoch_seconds"]), row["item_id"], weights[row["kind"]]) for row in csv.DictReader(file)]


def end() -> float:
    """The full hour after the last read, in epoch seconds."""
    return max(ts for ts, _, _ in reads()) // 3600 * 3600 + 3600


def ranked(replayed: tuple[Service, Path, str], at: float, *options: str) -> list[dict[str, Any]]:
    service, config, _ = replayed
    moment = datetime.fromtimestamp(at, UTC).isoformat()
    done = run("rank", "--config", str(config), "--data", str(service.data_dir), "--at", moment, "--json", *options)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return found


def exact_scores(at: float) -> dict[str, float]:
    scores: dict[str, float] = {}
    for ts, item, weight in reads():
        if ts <= at:
            scores[item] = scores.get(item, 0.0) + weight * 2 ** -((at - ts) / HALF_LIFE_S)
    return scores


def test_a_replay_reports_every_event_as_accepted(replayed: tuple[Service, Path, str]) -> None:
    _, _, report = replayed
    count = len(reads())
    assert f"{count:,} of {count:,} events sent were acknowledged" in report


def test_a_replay_run_again_counts_nothing_twice(replayed: tuple[Service, Path, str]) -> None:
    service, _, _ = replayed
    before = ranked(replayed, end())
    again = run("replay", str(SLICE), "--to", service.url, "--data", str(service.data_dir))
    assert "accepted               0" in again.stdout
    assert before
    assert ranked(replayed, end()) == before


@pytest.mark.parametrize("hours_before_the_end", [0, 5, 24])
def test_the_ten_at_a_past_moment_are_those_of_an_exact_calculation(
    replayed: tuple[Service, Path, str], hours_before_the_end: int
) -> None:
    at = end() - 3600 * hours_before_the_end
    found = [item["id"] for item in ranked(replayed, at, "--list", "populer", "--set", "half_life=1h")]
    exact = exact_scores(at)
    best = sorted(exact, key=lambda item: -exact[item])
    assert len(found) == 10
    for place, item in enumerate(found):
        # Wherever exact scores differ by more than 1 %, the order is theirs.
        assert exact[item] >= 0.99 * exact[best[place]]
        assert all(exact[later] <= 1.01 * exact[item] for later in found[place + 1 :])


def test_a_ranking_of_others_is_tried_by_its_name(replayed: tuple[Service, Path, str]) -> None:
    by_reads = [item["score"] for item in ranked(replayed, end(), "--set", "preset=jetpack")]
    assert by_reads == sorted(by_reads, reverse=True)
    assert all(score == int(score) for score in by_reads), "a window counts, and weights are whole"


def test_items_are_imported_and_shown_with_their_titles(replayed: tuple[Service, Path, str], tmp_path: Path) -> None:
    service, _, _ = replayed
    item = ranked(replayed, end())[0]["id"]
    file = tmp_path / "items.csv"
    file.write_text(
        f"item_id,published_epoch,title,section,url\n{item},1764530940,Judul Berita,Politik,https://x.test/1\n"
    )
    done = run("items", "import", str(file), "--to", service.url, "--data", str(service.data_dir))
    assert "1 of 1 items sent were stored" in done.stdout
    assert "taken down" not in done.stdout
    found = ranked(replayed, end())[0]
    assert (found["title"], found["section"], found["url"]) == ("Judul Berita", "Politik", "https://x.test/1")
    assert found["published_label"] == "Senin, 01 Desember 2025 | 02:29"


def test_rank_publishes_nothing(replayed: tuple[Service, Path, str]) -> None:
    service, config, _ = replayed
    with service.client() as client:
        before = client.get("/v1/lists/populer").json()["config_version"]
        run("rank", "--config", str(config), "--data", str(service.data_dir), "--set", "half_life=1m", "--json")
        assert client.get("/v1/lists/populer").json()["config_version"] == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--list", "nope"], "no list is called 'nope'; there are populer, trending, update"),
        (["--at", "yesterday"], "--at: expected epoch seconds or ISO 8601"),
        (["--set", "half_life"], "--set: expected KEY=VALUE such as half_life=1h, found 'half_life'"),
        (["--set", "half_life=0s"], "lists.populer.half_life: expected a duration of at least 1s"),
        (["--set", "half_live=1h"], "lists.populer.half_live: is not a setting; did you mean half_life?"),
        (["--set", "preset=hackernews"], "lists.populer.preset: expected none or one of hacker-news, "),
        (["--section", "Nowhere"], "no item is in a section called 'Nowhere'"),
        (["--site", "other"], "no site is called 'other'; there are default"),
    ],
)
def test_rank_says_what_is_wrong_in_one_line(
    replayed: tuple[Service, Path, str], options: list[str], sentence: str
) -> None:
    service, config, _ = replayed
    done = run("rank", "--config", str(config), "--data", str(service.data_dir), *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"populer: {sentence}")
    assert done.stderr.count("\n") == 1


def test_rank_without_a_service_says_what_to_do(tmp_path: Path) -> None:
    done = run("rank", "--data", str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert done.stderr == (
        f"populer: no service runs in {tmp_path / 'nothing'}: start `populer serve` first, "
        "or name its directory with --data\n"
    )


def test_a_replay_without_a_service_or_a_key_says_what_to_do(tmp_path: Path) -> None:
    done = run("replay", str(SLICE), "--data", str(tmp_path))
    assert done.returncode == 1
    assert "no write key for site default: give --key or POPULER_KEY" in done.stderr


EXAMPLE = Path(__file__).parents[3] / "populer.example.toml"
#: A setting of a list that has no effect in that list: behind a "#", with its default.
IDLE = re.compile(r"# ([a-z_.]+) = (\"[^\"]*\"|\S+)")


def _plain(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value.lower()


@pytest.mark.parametrize("group", ["", "items", "config", "keys", "alarms", "store", "delete"])
def test_a_group_of_commands_without_one_of_them_shows_what_there_is(group: str) -> None:
    done = run(*group.split())
    assert (done.returncode, "Usage: " in done.stdout + done.stderr) == (2, True)
    assert "Commands" in done.stdout + done.stderr


def test_the_example_file_has_every_setting_at_its_default() -> None:
    example = load(EXAMPLE, {})
    nothing = load(Path("/dev/null"), {})
    defaults = dict(effective(nothing.settings))
    assert dict(effective(example.settings)) == defaults
    of_lists = EXAMPLE.read_text().partition("[lists.populer]")[2]
    idle = {name: value.strip('"') for name, value in IDLE.findall(of_lists) if name != "revival_weights"}
    written = {f"lists.populer.{name}": value for name, value in idle.items()}
    assert {name: _plain(value) for name, value in written.items()} == {
        name: _plain(defaults[name]) for name in written
    }
    commented = {"service.templates", "service.admin_port", "redis.url", "redis.shards"}
    commented |= {f"sites.0.keys.{grade}" for grade in ("write", "editor", "admin", "page")}
    named = set(example.origins) | {name.replace(".trending.", ".populer.") for name in example.origins}
    of_populer = {name for name in defaults if not name.startswith("lists.") or name.startswith("lists.populer.")}
    whole = {name for name in of_populer if name.split(".")[2:3] in (["allow"], ["deny"])}
    assert of_populer - named - commented - {*whole, *written} == set()


def test_config_check_refuses_a_setting_without_effect_and_takes_a_preset_that_carries_one(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text('[lists.populer]\nkind = "burst"\ndecay = "linear"\nwindow = "1d"\n')
    done = run("config", "check", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith('populer: lists.populer.decay: has no effect with kind = "burst". Remove it, or set')
    file.write_text('[lists.populer]\npreset = "reddit"\n')
    assert run("config", "check", str(file)).stdout.startswith(f"{file}: good (config version ")


def test_void_takes_events_out_of_rank_and_explain_says_so_until_it_is_undone(
    replayed: tuple[Service, Path, str],
) -> None:
    service, config, _ = replayed
    before = ranked(replayed, end())
    first = before[0]["id"]

    def void(*options: str) -> Any:
        done = run("void", first, "--config", str(config), "--data", str(service.data_dir), "--json", *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    number = void("--from", "0", "--to", str(end()))["void"]
    try:
        assert first not in [item["id"] for item in ranked(replayed, end())]
        said = run("explain", first, "--config", str(config), "--data", str(service.data_dir), "--at", str(end()))
        assert f" events weigh nothing (void {number})" in said.stdout
        assert [each["void"] for each in void()["voids"]] == [number]
    finally:
        assert void("--undo", str(number)) == {"item": first, "voids": []}
    assert ranked(replayed, end()) == before


def test_void_says_what_was_made_and_lifted_and_what_there_is(replayed: tuple[Service, Path, str]) -> None:
    service, config, _ = replayed
    where = ("void", "a", "--config", str(config), "--data", str(service.data_dir))
    only = ("--kind", "view", "--source", "list:populer", "--share", "0.25")
    made = run(*where, "--from", "2025-12-01T02:25", "--to", "2025-12-01T02:30", *only).stdout.splitlines()
    number = made[0].split()[1]
    try:
        assert made[0] == f"void {number} of a is in every list from the next refresh on"
        assert re.fullmatch(
            rf"  {number}: from \w+, 01 \w+ 2025 \| 02:25 to \w+, 01 \w+ 2025 \| 02:30,"
            r" only kind view, source list:populer: weigh 0\.25 of it",
            made[1],
        )
    finally:
        lifted = run(*where, "--undo", number).stdout
    assert lifted == f"void {number} of a is lifted from the next refresh on\na has no voids\n"


def test_void_refuses_options_that_say_nothing(replayed: tuple[Service, Path, str]) -> None:
    service, config, _ = replayed
    for options, said in ((("--to", "5"), "--from: is missing"), (("--from", "5", "--undo", "1"), "--undo lifts")):
        done = run("void", "a", "--config", str(config), "--data", str(service.data_dir), *options)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
