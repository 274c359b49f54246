"""What becomes of the settings when their file changes: all of it, or nothing and a sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from populer.config import effective, load, validated
from populer.environment import FIXED_TABLES
from populer.service.file_watch import NO_FILE, FileContent
from populer.service.live_settings import AT_NEXT_START, LiveSettings, changed
from ranking.errors import PopulerError
from ranking.settings.service import Settings

NOW = 1_764_532_140.0
TOML = """\
[service]
port = 8001
[ingest]
new_items = 5
[[sites]]
id = "koran"
keys = { write = "write-key-of-the-koran" }
[lists.populer]
half_life = "3h"
"""


class Place:
    """A settings' file that is in effect, and what is said when it changes."""

    def __init__(
        self,
        folder: Path,
        text: str = TOML,
        environ: dict[str, str] | None = None,
        check_store: Callable[[Settings], None] = lambda _: None,
    ) -> None:
        self.file = folder / "populer.toml"
        self.file.write_text(text)
        self.data_dir = folder / "data"
        flags = {"service": {"data_dir": str(self.data_dir), "workers": 2}}
        self.now = NOW
        self.in_effect = LiveSettings(load(self.file, environ or {}, flags), NOW, check_store)

    def take(self, text: str | FileContent) -> list[str]:
        """Give the file another content a second later; the events that are logged."""
        self.now += 1
        with structlog.testing.capture_logs() as logs:
            self.in_effect.take(FileContent(text.encode()) if isinstance(text, str) else text, self.now)
        return [str(each["event"]) for each in logs]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_keys_that_others_may_read_are_named_with_what_to_do(tmp_path: Path) -> None:
    Place(tmp_path)
    keys = tmp_path / "data" / "keys.json"
    keys.chmod(0o644)
    with structlog.testing.capture_logs() as logs:
        Place(tmp_path)
    assert [each["event"] for each in logs if "Others" in each["event"]] == [
        f"Others than its owner may read {keys} (mode 0644). Set it to 0600, and make new keys."
    ]


def test_a_good_file_is_in_effect_under_the_environment_and_the_flags_of_the_start(tmp_path: Path) -> None:
    place = Place(tmp_path, environ={"POPULER_REFRESH__EVERY": "2s"})
    place.take(TOML.replace("3h", "4h") + '[refresh]\nevery = "9s"')
    settings = place.in_effect.settings
    assert (settings.lists["populer"].half_life_s, settings.refresh.every_s) == (4 * 3600, 2)
    assert settings.service.workers == 2
    assert validated(place.in_effect.raw) == settings
    state = place.in_effect.state
    assert (state.loaded_at, state.applied, state.refused, state.refusal) == (NOW + 1, 1, 0, None)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ("[lists.populer", "is not valid TOML"),
        (FileContent(b"\xff"), "is not UTF-8 text"),
        (TOML.replace("3h", "soon"), "lists.populer.half_life: expected a duration"),
        (TOML.replace("half_life", "half_live"), "lists.populer.half_live: is not a setting; did you mean half_life?"),
        (TOML.replace('"3h"', "3"), 'lists.populer.half_life: expected a duration such as "2h", found the number 3.'),
        (TOML + 'decay = "window"', 'lists.populer.half_life: has no effect with decay = "window"'),
        (TOML.replace("8001", "'x'"), "service.port: expected a whole number"),
        (TOML + '[retention]\nbucket = "1h"\nkeep = "30m"', "retention.keep: expected at least one bucket"),
        ("", "is empty; a comment in it will do where the defaults are meant"),
        (" \n\n", "is empty"),
        (NO_FILE, "no such file"),
        (FileContent(problem="cannot be read: Permission denied"), "cannot be read: Permission denied"),
    ],
)
def test_a_bad_file_changes_nothing_and_is_said(place: Place, found: str | FileContent, sentence: str) -> None:
    before = place.in_effect.settings, place.in_effect.raw
    assert place.take(found) == ["the settings' file was refused, those before stay in effect"]
    assert (place.in_effect.settings, place.in_effect.raw) == before
    state = place.in_effect.state
    assert (state.loaded_at, state.applied, state.refused, state.refused_at) == (NOW, 0, 1, NOW + 1)
    assert sentence in str(state.refusal)
    place.take(TOML)
    assert place.in_effect.state == state._replace(loaded_at=NOW + 2, applied=1, refusal=None, refused_at=None)


@runs(deadline=None, max_examples=60)
@given(st.binary(max_size=200) | st.integers(0, len(TOML) - 1).map(lambda end: TOML[:end].encode()))
def test_whatever_the_file_holds_is_taken_as_a_whole_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    place = Place(tmp_path_factory.mktemp("any"))
    before = place.in_effect.settings, place.in_effect.raw
    place.take(FileContent(content))
    state = place.in_effect.state
    assert (state.applied, state.refused) in ((1, 0), (0, 1))
    if state.applied:
        assert validated(place.in_effect.raw) == place.in_effect.settings
    else:
        assert (place.in_effect.settings, place.in_effect.raw) == before


def test_what_takes_a_start_waits_for_it_and_the_rest_does_not(place: Place) -> None:
    text = TOML.replace("8001", '9001\nworkers = 7\nhost = "0.0.0.0"\nlog_format = "json"').replace("3h", "4h")
    said = place.take(f'{text}[redis]\nurl = "redis://somewhere"\ntimeout = "1s"')
    waiting = ("service.host", "service.port", "service.log_format", "redis.timeout", "redis.url")
    assert place.in_effect.state.at_next_start == waiting
    assert said[1:6] == [f"{name}: takes effect at the next start" for name in waiting]
    settings = place.in_effect.settings
    assert (settings.service.port, settings.service.host, settings.redis.url) == (8001, "127.0.0.1", None)
    assert settings.lists["populer"].half_life_s == 4 * 3600
    assert not [line for line in place.take(f"{text}\n") if "host" in line]
    place.take(TOML)
    assert place.in_effect.state.at_next_start == ()


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        ('url = "redis://:old@here"', 'url = "redis://:new@here"', False),
        ('url = "redis://here"', "", True),
        ("", 'url = "redis://here"', True),
    ],
)
def test_another_address_of_the_store_does_not_wait_and_another_store_does(
    tmp_path: Path, before: str, after: str, *, waits: bool
) -> None:
    place = Place(tmp_path, f"[redis]\n{before}")
    url = place.in_effect.settings.redis.url
    place.take(f"[redis]\n{after}\n")
    assert place.in_effect.state.at_next_start == (("redis.url",) if waits else ())
    assert (place.in_effect.settings.redis.url == url) == waits


def test_a_store_that_cannot_be_used_is_refused_and_one_that_is_named_as_before_not_asked(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def check(settings: Settings) -> None:
        asked.append(settings.redis.url)
        raise PopulerError("this store has more shards")

    place = Place(tmp_path, '[redis]\nurl = "redis://here"', check_store=check)
    place.take('[redis]\nurl = "redis://here"\n[ingest]\nnew_items = 7\n')
    assert (asked, place.in_effect.settings.ingest.new_items) == ([], 7)
    place.take('[redis]\nurl = "redis://there"\n[ingest]\nnew_items = 9\n')
    assert asked == ["redis://there"]
    assert place.in_effect.state.refusal == "this store has more shards"
    assert (place.in_effect.settings.redis.url, place.in_effect.settings.ingest.new_items) == ("redis://here", 7)


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [("256MiB", "16MiB", False), ("256MiB", "0b", True), ("0b", "16MiB", True), ("0b", "0b", False)],
)
def test_a_spools_size_may_change_and_whether_there_is_one_may_not(
    tmp_path: Path, before: str, after: str, *, waits: bool
) -> None:
    place = Place(tmp_path, f'[ingest]\nspool = "{before}"')
    spool = place.in_effect.settings.ingest.spool
    place.take(f'[ingest]\nspool = "{after}"')
    assert place.in_effect.state.at_next_start == (("ingest.spool",) if waits else ())
    assert (place.in_effect.settings.ingest.spool == spool) == (waits or before == after)


@pytest.mark.parametrize(
    ("url", "before", "after", "waits"),
    [
        ("", "commit", "disk", True),
        ("", "disk", "commit", False),
        ("", "memory", "replica", False),
        ('[redis]\nurl = "redis://somewhere"', "commit", "disk", False),
    ],
)
def test_only_the_bundled_server_must_be_started_for_the_disk(
    tmp_path: Path, url: str, before: str, after: str, *, waits: bool
) -> None:
    place = Place(tmp_path, f'{url}\n[ingest]\nack = "{before}"')
    place.take(f'{url}\n[ingest]\nack = "{after}"')
    assert place.in_effect.state.at_next_start == (("ingest.ack",) if waits else ())
    assert place.in_effect.settings.ingest.ack == (before if waits else after)


def test_it_is_known_of_every_setting_whether_it_waits_for_a_start() -> None:
    """A setting that is added is read once, unless somebody sees to it: say so in AT_NEXT_START, or add it here."""
    live = {
        "service.trusted_proxies", "service.internal", "service.request_timeout", "service.templates",
        "service.streams", "service.streams_per_address", "service.fetch_private", "service.drain",
        "service.jobs_name", "service.access_log", "redis.url",
        "ingest.ack", "ingest.dedupe_window", "ingest.bots", "ingest.gpc", "ingest.visitor_limit",
        "ingest.network_allowance", "ingest.address_limit", "ingest.new_items", "ingest.kinds", "ingest.max_body",
        "ingest.deadline",
        "ingest.max_pending", "ingest.sources", "ingest.spool", "ingest.spool_after",
        "retention.bucket", "retention.keep", "retention.seal_after", "retention.unknown",
        "retention.removed_sites",
        "retention.roll_up.hour", "retention.roll_up.day",
        "refresh.every", "refresh.stale_after", "refresh.lease", "refresh.paging",
        "alarms.quiet", "alarms.usual_events",
    }  # fmt: skip
    named = {name for name, _ in effective(Settings()) if name.split(".")[0] in FIXED_TABLES}
    assert named == live | set(AT_NEXT_START)
    assert not live & set(AT_NEXT_START)


def test_the_example_marks_what_waits_for_a_start() -> None:
    example = (Path(__file__).parents[3] / "populer.example.toml").read_text()
    marked, table = set(), ""
    for line in example.splitlines():
        table = line.partition("[")[2].partition("]")[0] if line.startswith("[") else table
        if "# (start)" in line:
            marked.add(table if line.startswith("[") else f"{table}.{line.removeprefix('# ').split(' ', 1)[0]}")
    assert marked == {name for name in AT_NEXT_START if not name.startswith("redis.")} | {"redis"}


def test_generated_keys_stay_whatever_becomes_of_their_file_and_new_sites_get_theirs(place: Place) -> None:
    (koran,) = place.in_effect.settings.sites
    assert koran.keys.plain("write") == "write-key-of-the-koran"
    (place.data_dir / "keys.json").unlink()
    assert "keys are in the data directory" in place.take(TOML + '[[sites]]\nid = "kedua"')
    same, kedua = place.in_effect.settings.sites
    assert same == koran
    assert kedua.keys.write
    (place.data_dir / "keys.json").unlink()
    place.take(TOML.replace('keys = { write = "write-key-of-the-koran" }', "") + '[[sites]]\nid = "kedua"')
    other, unchanged = place.in_effect.settings.sites
    assert (other.keys.admin, unchanged) == (koran.keys.admin, kedua)
    assert other.keys.write
    assert other.keys.write != koran.keys.write
    place.take(TOML + '[[sites]]\nid = "kedua"\n[[sites]]\nid = "ketiga"')
    assert place.in_effect.settings.sites[:2] == (koran, kedua)


def test_no_key_and_no_password_is_logged_or_shown(place: Place) -> None:
    texts = [
        TOML.replace("write-key-of-the-koran", "psst-a-new-write-key"),
        TOML.replace("write-key-of-the-koran", "psst"),
        TOML + '[redis]\nurl = "redis://user:psst@host"',
        TOML + '[redis]\nurl = "psst"',
    ]
    with structlog.testing.capture_logs() as logs:
        for text in texts:
            place.in_effect.take(FileContent(text.encode()), NOW)
            assert "psst" not in str(place.in_effect.state)
    assert "psst" not in str(logs)


def test_what_an_operator_should_know_is_said_once(place: Place) -> None:
    warning = "site kedua takes events from any page: name its own in sites.origins, such as https://www.example.id"
    more = TOML + '[[sites]]\nid = "kedua"'
    assert warning in place.take(more)
    assert warning not in place.take(more.replace("3h", "4h"))


def test_a_change_is_named_by_its_settings_and_a_new_table_as_one(place: Place) -> None:
    before = place.in_effect.settings
    place.take(TOML.replace("3h", "4h").replace("new_items = 5", "") + '[[sites]]\nid = "b"\n[lists.baru]\nsize = 3')
    assert changed(before, place.in_effect.settings) == [
        "ingest.new_items", "lists.populer.half_life", "sites.1", "lists.baru",
    ]  # fmt: skip


def test_the_key_of_page_tokens_reaches_the_processes(tmp_path: Path) -> None:
    asking = TOML.replace("[[sites]]\n", '[[sites]]\nproof = "required"\n').replace(
        "keys = {", 'keys = { page = "page-key-of-the-koran",'
    )
    place = Place(tmp_path, asking)
    assert validated(place.in_effect.raw).sites[0].keys.page == "page-key-of-the-koran"
