"""Where settings come from, which wins, and what is said of bad ones."""

import re
from pathlib import Path
from typing import Any

import pytest

from populer.config import effective, load, with_list_settings
from ranking.errors import SettingsError
from ranking.settings.learned import LearnedSetting
from ranking.settings.lists import ListSettings
from ranking.settings.service import Settings

NOTHING = Path("/dev/null")


def from_toml(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    file = tmp_path / "populer.toml"
    file.write_text(text)
    return dict(effective(load(file, environ or {}).settings))


def test_without_a_file_the_first_site_is_an_indonesian_newsroom() -> None:
    settings = load(NOTHING, {}).settings
    site, populer, update = settings.sites[0], settings.lists["populer"], settings.lists["update"]
    assert (site.id, site.timezone, site.locale) == ("default", "Asia/Jakarta", "id")
    assert (populer.title, populer.size, populer.half_life_s) == ("Populer", 7, 7200)
    assert (update.title, update.size, update.kind) == ("UPDATE", 10, "latest")
    assert settings.lists["trending"].kind == "burst"


def test_a_table_changes_only_what_it_names(tmp_path: Path) -> None:
    found = from_toml(tmp_path, '[lists.populer]\nhalf_life = "6h"')
    assert (found["lists.populer.half_life"], found["lists.populer.size"]) == ("6h", "7")
    assert found["lists.update.size"] == "10"


def test_the_environment_goes_over_the_file_and_the_flags_over_both(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text("[service]\nport = 1\nworkers = 1\nhost = 'a'")
    environ = {"POPULER_SERVICE__PORT": "2", "POPULER_SERVICE_WORKERS": "2"}
    loaded = load(file, environ, {"service": {"port": 3}})
    service = loaded.settings.service
    assert (service.port, service.workers, service.host) == (3, 2, "a")
    assert loaded.origins["service.port"] == "command line"
    assert loaded.origins["service.workers"] == "environment"
    assert loaded.origins["service.host"] == str(file)


def test_any_setting_can_be_named_in_the_environment() -> None:
    environ = {
        "POPULER_LISTS__POPULER__HALF_LIFE": "90s",
        "POPULER_LISTS__POPULER__WEIGHTS": '{"view": 2}',
        "POPULER_INGEST__KINDS": '["view", "read"]',
        "POPULER_SITES": '[{"id": "kabar"}]',
        "POPULER_REDIS_URL": "redis://somewhere",
    }
    settings = load(NOTHING, environ).settings
    assert settings.lists["populer"].half_life_s == 90
    assert settings.lists["populer"].weights == {"view": 2}
    assert settings.ingest.kinds == ("view", "read")
    assert settings.sites[0].id == "kabar"
    assert settings.redis.url == "redis://somewhere"


def test_what_kubernetes_and_others_put_into_the_environment_is_no_setting() -> None:
    environ = {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "POPULER_SERVICE_HOST": "10.9.9.9",
        "POPULER_SERVICE_PORT": "80",
        "POPULER_PORT": "tcp://10.9.9.9:80",
        "POPULER_PORT_80_TCP": "tcp://10.9.9.9:80",
        "POPULER_VERSION": "7",
        "POPULER_KEY": "secret",
    }
    assert load(NOTHING, environ).settings.service.port == 8000


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[service]\nport = 'x'", "service.port: expected a whole number, found 'x'"),
        ("[service]\nport = 1.5", "service.port: expected a whole number, found 1.5"),
        ("[service]\nhost = ''", "service.host: expected a length of at least 1, found ''"),
        ("[service]\nhost = 3", "service.host: expected text in quotes, found 3"),
        ("service = 3", "service: expected a table, found 3"),
        ("[ingest]\nbots = 'maybe'", "ingest.bots: expected true or false, found 'maybe'"),
        ("[ingest]\nkinds = []", "ingest.kinds: expected a length of at least 1, found []"),
        ("[lists.populer]\nweights = {view = 'x'}", "lists.populer.weights.view: expected a number, found 'x'"),
        ("[service]\nport = 70000", "service.port: expected a value less than or equal to 65535, found 70000"),
        ("[nonsense]\na = 1", "nonsense: is not a setting; there are service, redis, ingest, retention"),
        ("[ingest]\nmax_bdy = 1", "ingest.max_bdy: is not a setting; did you mean max_body?"),
        ("[ingest]\nmax_body = 'much'", "ingest.max_body: expected a size such as 65536, 512KiB or 1MiB, found 'much'"),
        ("[ingest]\nack = 'spool'", "ingest.ack: expected 'memory', 'commit', 'replica' or 'disk', found 'spool'"),
        ("[ingest]\nkinds = ['View']", "ingest.kinds.0: expected a name that matches"),
        ("[retention]\nbucket = '7m'", "retention.bucket: expected a duration that divides a day evenly"),
        (
            "[service]\ntrusted_proxies = ['10.0.0.1/8']",
            "service.trusted_proxies: trusted proxy '10.0.0.1/8' has bits set",
        ),
        (
            "[[sites]]\norigins = ['www.example.id']",
            "sites.0.origins: an origin is written like https://www.example.id",
        ),
        ("[retention]\nseal_after = '-1s'", "retention.seal_after: expected a duration such as 90s"),
        ("[retention]\nroll_up = {hour = '0s'}", "retention.roll_up.hour: expected a duration over 0s"),
        ("[retention]\nroll_up = {hour = '8d', day = '7d'}", "retention.roll_up.day: expected not before hour"),
        ("[retention]\nroll_up = {week = '8d'}", "retention.roll_up.week: is not a setting; there are hour, day"),
        ("[refresh]\nlease = '0s'", "refresh.lease: expected a duration of at least 200ms"),
        ("[redis]\nurl = 'http://x'", "redis.url: expected an address that starts with one of redis://"),
        ("[lists.populer]\nhalf_life = '-1h'", "lists.populer.half_life: expected a duration such as 90s"),
        ("[lists.populer]\nhalf_life = '0s'", "lists.populer.half_life: expected a duration of at least 1s"),
        ("[lists.populer]\nweights = {share = 1}", "lists.populer.weights: expected one of ingest.kinds"),
        ("[lists.trending]\nshort = '8d'", "lists.trending.baseline: expected longer than short"),
        ("[lists.'Bad Name']\nsize = 3", "lists.Bad Name: expected a name that matches"),
        ("[[sites]]\ntimezone = 'Mars/Base'", "sites.0.timezone: expected WIB, WITA, WIT, or a time"),
        ("[[sites]]\nlocale = 'xx'", "sites.0.locale: expected id, en, ms, or another one that Babel"),
        ("[[sites]]\ndate_format = 'lengkap'", "found 'lengkap'"),
        (
            "[[sites]]\ndate_format = 'QQQQQQ {'",
            "sites.0.date_format: expected full, full-zone, capitals, date, short, relative, or a",
        ),
        (
            "[[sites]]\nid = 'a'\n[[sites]]\nid = 'a'",
            "sites: expected at least one site, and an id of its own for each",
        ),
        ("sites = 3", "sites: expected a list in brackets"),
        ("lists = 3", "lists: expected a table, found 3"),
        (
            "[alarms.webhooks.desk]\nurl = 'https://a.example'\nalarms = ['x']",
            "desk.alarms: expected one of store_away, ",
        ),
        (
            "[alarms.webhooks.desk]\nurl = 'https://a.example'\nsites = ['x']",
            "desk.sites: expected one of default, found",
        ),
        ("[alarms.webhooks.desk]\nurl = 'https://a.example'\nform = 'x'", "is not a setting; did you mean format?"),
        ("[a", "is not valid TOML"),
        ("a = " + "[" * 100_000, "is not valid TOML: too many brackets inside each other"),
    ],
)
def test_a_bad_setting_is_named_with_what_was_expected(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as raised:
        from_toml(tmp_path, text)
    assert sentence in str(raised.value)


def test_a_bad_setting_is_named_alone_where_the_default_of_another_follows_from_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        from_toml(tmp_path, "[lists.populer]\nhalf_life = 'soon'")
    sentence = "lists.populer.half_life: expected a duration such as 90s, 15m, 6h or 7d, found 'soon'"
    assert str(raised.value).startswith(sentence)
    assert ";" not in str(raised.value)


def test_an_error_says_where_the_value_came_from() -> None:
    with pytest.raises(SettingsError, match=r"service\.port: .* found 'x' \(environment\)"):
        load(NOTHING, {"POPULER_SERVICE__PORT": "x"})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: no such file; check its name and folder"):
        load(tmp_path / "none.toml", {})


def test_a_file_that_cannot_be_read_is_named_once_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, {})
    assert str(raised.value) == f"{tmp_path}: cannot be read (Is a directory); name another file"
    with pytest.raises(SettingsError) as raised:
        load(NOTHING, {"POPULER_REDIS_URL_FILE": str(tmp_path)})
    assert str(raised.value) == f"POPULER_REDIS_URL_FILE: {tmp_path} cannot be read (Is a directory); name another file"


def test_a_file_that_is_not_utf_8_is_to_be_saved_as_it(tmp_path: Path) -> None:
    file = tmp_path / "latin.toml"
    file.write_bytes(b"[lists.populer]\ntitle = 'Caf\xe9'")
    for names in ((file, {}), (NOTHING, {"POPULER_REDIS_URL_FILE": str(file)})):
        with pytest.raises(SettingsError, match=r"is not UTF-8 text; save it as UTF-8"):
            load(*names)


def test_secrets_are_masked(tmp_path: Path) -> None:
    found = from_toml(
        tmp_path,
        '[redis]\nurl = "redis://user:secret@host"\n[[sites]]\nkeys = {write = "a-very-secret-key"}\n'
        '[alarms.webhooks.desk]\nurl = "https://hooks.example/secret"\nsecret = "secret-of-the-desk"',
    )
    assert found["alarms.webhooks.desk.url"] == "***"
    assert "secret" not in "".join(found.values())


@pytest.mark.parametrize(
    "text",
    [
        "[[sites]]\nkeys = {write = 'psst'}",
        "[[sites]]\nkeys = 'psst'",
        "[[sites]]\nkeys = {write = ['psst']}",
        "[redis]\nurl = 'redsi://user:psst@host'",
        "[redis]\nurl = ['psst']",
        "[alarms.webhooks.desk]\nurl = 'psst'",
        "[alarms.webhooks.desk]\nurl = 'https://a.example'\nsecret = 'psst'",
    ],
)
def test_what_is_said_of_a_bad_secret_does_not_tell_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"sites\.0\.keys|redis\.url|webhooks\.desk") as raised:
        from_toml(tmp_path, text)
    assert "psst" not in str(raised.value)


@pytest.mark.parametrize("text", ["{view = 2, click = 0}", '{"view": 2, "click": 0}', "{view=2,click=0}"])
def test_a_table_can_be_set_as_in_the_file_or_as_json(text: str) -> None:
    loaded = load(NOTHING, {})
    changed = with_list_settings(loaded.settings, loaded.raw, "populer", [f"weights={text}"])
    assert changed.lists["populer"].weights == {"view": 2, "click": 0}


def test_any_setting_of_a_list_can_be_set_for_a_dry_run() -> None:
    loaded = load(NOTHING, {})
    changed = with_list_settings(loaded.settings, loaded.raw, "populer", ["half_life=1h", "size=10", "weights.view=2"])
    populer = changed.lists["populer"]
    assert (populer.half_life_s, populer.size, populer.weights) == (3600, 10, {"view": 2, "click": 3})
    assert loaded.settings.lists["populer"].size == 7


def test_what_a_dry_run_does_not_name_of_a_table_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text("[lists.populer]\nweights = {view = 4, click = 5}")
    loaded = load(file, {})

    def weights(*changes: str) -> dict[str, float]:
        return with_list_settings(loaded.settings, loaded.raw, "populer", list(changes)).lists["populer"].weights

    assert weights("weights.click@list:populer=0.5") == {"view": 4, "click": 5, "click@list:populer": 0.5}
    assert weights("weights.click@news.example=2")["click@news.example"] == 2
    assert weights("preset=lobsters", "weights.comment=0.25") == {"view": 4, "click": 5, "comment": 0.25}
    with pytest.raises(SettingsError, match=r"lists\.populer\.half_life: expected"):
        weights("half_life.x=1")


def test_the_config_version_changes_with_what_lists_depend_on_and_with_nothing_else() -> None:
    plain = load(NOTHING, {}).settings.config_version
    assert load(NOTHING, {"POPULER_SERVICE__PORT": "1"}).settings.config_version == plain
    assert load(NOTHING, {"POPULER_RETENTION__SEAL_AFTER": "1s"}).settings.config_version == plain
    assert load(NOTHING, {"POPULER_RETENTION__ROLL_UP__HOUR": "1d"}).settings.config_version != plain
    assert load(NOTHING, {"POPULER_LISTS__POPULER__HALF_LIFE": "auto"}).settings.config_version == plain
    assert load(NOTHING, {"POPULER_LISTS__POPULER__HALF_LIFE": "3h"}).settings.config_version != plain


def test_populer_is_filled_up_unless_its_table_leaves_items_out_on_purpose(tmp_path: Path) -> None:
    assert from_toml(tmp_path, "[lists.populer]\nfloor = 3")["lists.populer.fill"] == "widen"
    for meant in ('max_age = "1d"', 'preset = "jetpack"', 'period = "today"', 'fill = "none"'):
        assert from_toml(tmp_path, f"[lists.populer]\n{meant}")["lists.populer.fill"] == "none"
    assert from_toml(tmp_path, "[lists.other]\nfloor = 3")["lists.other.fill"] == "none"


# Presets


def test_a_preset_stands_for_settings_that_the_table_goes_over(tmp_path: Path) -> None:
    found = from_toml(tmp_path, '[lists.hn]\npreset = "hacker-news"\ngravity = 1.5')
    assert {name: found[f"lists.hn.{name}"] for name in ("preset", "decay", "aging", "gravity", "shape", "title")} == {
        "preset": "hacker-news", "decay": "window", "aging": "gravity", "gravity": "1.5", "shape": "minus-one",
        "title": "Hn",
    }  # fmt: skip


def test_a_preset_makes_a_ranked_list_of_one_that_was_none(tmp_path: Path) -> None:
    found = from_toml(tmp_path, '[lists.trending]\npreset = "reddit"')
    assert (found["lists.trending.kind"], found["lists.trending.title"]) == ("ranked", "Trending")


def test_what_a_preset_says_is_named_as_its_word(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text('[lists.hn]\npreset = "hacker-news"\ngravity = 1.5')
    origins = load(file, {}).origins
    assert origins["lists.hn.gravity"] == str(file)
    assert origins["lists.hn.aging"] == "preset hacker-news"
    assert "lists.hn.size" not in origins


def test_a_preset_for_a_dry_run_goes_over_the_file_and_other_changes_over_the_preset(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text('[lists.populer]\ndecay = "linear"\nwindow = "1d"\nsize = 3')
    loaded = load(file, {})

    def changed(*changes: str) -> dict[str, str]:
        found = with_list_settings(loaded.settings, loaded.raw, "populer", list(changes))
        return {name.removeprefix("lists.populer."): value for name, value in effective(found)}

    radioactive = changed("preset=drupal-radioactivity")
    assert [radioactive[name] for name in ("decay", "half_life", "size")] == ["half-life", "6h", "3"]
    assert changed("half_life=3h", "preset=drupal-radioactivity")["half_life"] == "3h"


def test_an_unknown_preset_names_the_known_ones_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        from_toml(tmp_path, '[lists.hn]\npreset = "hackernews"')
    assert str(raised.value).startswith("lists.hn.preset: expected none or one of hacker-news, ")
    assert "lobsters" in str(raised.value)
    assert "; did you mean hacker-news?, found 'hackernews'" in str(raised.value)
    with pytest.raises(SettingsError, match=r"preset: expected none or one of .*, found 'xyz'"):
        from_toml(tmp_path, '[lists.hn]\npreset = "xyz"')


def test_a_preset_may_count_kinds_that_no_event_is_but_the_table_may_not(tmp_path: Path) -> None:
    assert from_toml(tmp_path, '[lists.top]\npreset = "discourse-top"')["lists.top.weights.reply"] == "1.0"
    for table in (
        "weights = {reply = 1}",
        "bonus_kinds = ['reply']",
        "revival = '1d'\nrevival_weights = {'reply@x' = 1}",
    ):
        with pytest.raises(SettingsError, match=r"expected one of ingest\.kinds \(click, view\), found 'reply"):
            from_toml(tmp_path, f"[lists.top]\n{table}")


def test_a_secret_is_read_from_the_file_that_the_environment_names(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://:psst@somewhere\n")
    (tmp_path / "key").write_text("key-of-siti-of-the-koran\n")
    (tmp_path / "hook").write_text("https://hooks.example/psst\n")
    file = tmp_path / "populer.toml"
    file.write_text('[[sites]]\nid = "koran"\nname = "Koran"\nkeys.admin = { ops = "key-of-the-operators" }\n')
    environ = {
        "POPULER_REDIS_URL_FILE": str(tmp_path / "url"),
        "POPULER_SITES__KORAN__KEYS__ADMIN__SITI_FILE": str(tmp_path / "key"),
        "POPULER_SITES__0__KEYS__EDITOR": "key-of-every-editor",
        "POPULER_ALARMS__WEBHOOKS__DESK__URL_FILE": str(tmp_path / "hook"),
    }
    loaded = load(file, environ)
    (site,) = loaded.settings.sites
    assert loaded.settings.redis.url == "redis://:psst@somewhere"
    assert site.keys.admin == {"ops": "key-of-the-operators", "siti": "key-of-siti-of-the-koran"}
    assert site.keys.editor == {"editor": "key-of-every-editor"}
    assert loaded.settings.alarms.webhooks["desk"].url == "https://hooks.example/psst"
    assert site.name == "Koran"
    assert loaded.origins["sites.0.keys.admin.siti"] == "environment"
    assert loaded.origins["sites.0.keys.admin.ops"] == str(file)


def test_sites_and_the_secrets_of_each_may_both_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("key-of-siti-of-the-koran\n")
    environ = {
        "POPULER_SITES": '[{"id": "kabar"}, {"id": "koran", "name": "Koran"}]',
        "POPULER_SITES__KORAN__KEYS__ADMIN_FILE": str(tmp_path / "key"),
        "POPULER_SITES__0__NAME": "Kabar",
    }
    loaded = load(NOTHING, environ)
    assert [(site.id, site.name) for site in loaded.settings.sites] == [("kabar", "Kabar"), ("koran", "Koran")]
    assert loaded.settings.sites[1].keys.admin == {"admin": "key-of-siti-of-the-koran"}
    assert loaded.origins["sites.1.name"] == loaded.origins["sites.1.keys.admin"] == "environment"
    with pytest.raises(SettingsError, match="sites: expected"):
        load(NOTHING, {"POPULER_SITES": "koran", "POPULER_SITES__KORAN__NAME": "Koran"})


def test_a_secret_that_cannot_be_read_and_a_site_that_is_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"POPULER_REDIS_URL_FILE: .*nowhere cannot be read"):
        load(NOTHING, {"POPULER_REDIS_URL_FILE": str(tmp_path / "nowhere")})
    with pytest.raises(SettingsError, match="POPULER_SITES__KORAN: no site is called so; there are default"):
        load(NOTHING, {"POPULER_SITES__KORAN__KEYS__WRITE": "write-key-of-the-koran"})


def test_keys_are_shown_by_their_names_alone(tmp_path: Path) -> None:
    keys = 'write = "write-key-of-the-koran"\nadmin = { siti = "key-of-siti-of-the-koran" }'
    found = from_toml(tmp_path, f"[[sites]]\n[sites.keys]\n{keys}")
    assert {name: found[name] for name in found if ".keys." in name} == {
        "sites.0.keys.write": "***",
        "sites.0.keys.editor": "none",
        "sites.0.keys.admin.siti": "***",
        "sites.0.keys.page": "none",
    }


def test_a_preset_for_a_dry_run_keeps_the_weights_that_the_table_names(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text('[ingest]\nkinds = ["vote"]\n[lists.populer]\nweights = { vote = 1 }\naging = "gravity"')
    loaded = load(file, {})
    lobsters = with_list_settings(loaded.settings, loaded.raw, "populer", ["preset=lobsters"]).lists["populer"]
    assert (lobsters.weights, lobsters.aging) == ({"vote": 1}, "half-life")
    nothing = load(NOTHING, {})
    preset = with_list_settings(nothing.settings, nothing.raw, "populer", ["preset=lobsters"]).lists["populer"]
    assert preset.weights == {"view": 1, "click": 3, "comment": 0.5}


# Buckets and days


@pytest.mark.parametrize(
    ("zones", "bucket", "found"),
    [
        (["Asia/Jakarta"], "1h", "1h"),
        (["Asia/Kolkata"], "1h", "30m"),
        (["Asia/Jakarta", "Asia/Kathmandu"], "1h", "15m"),
        (["Australia/Lord_Howe"], "1h", "30m"),
        (["Asia/Kolkata"], "20m", "10m"),
        (["Asia/Kathmandu"], "5m", "5m"),
        (["Asia/Kolkata"], "1d", "1d"),
        (["UTC"], "1h", "1h"),
    ],
)
def test_buckets_are_as_narrow_as_the_sites_days_need(
    tmp_path: Path, zones: list[str], bucket: str, found: str
) -> None:
    sites = "".join(f'[[sites]]\nid = "s{n}"\ntimezone = "{zone}"\n' for n, zone in enumerate(zones))
    assert from_toml(tmp_path, f'[retention]\nbucket = "{bucket}"\n{sites}')["retention.bucket"] == found


# Durations


@pytest.mark.parametrize(
    ("text", "setting", "number", "ways"),
    [
        ("[lists.populer]\nhalf_life = 2", "lists.populer.half_life", "2", '"2s" for 2 seconds or "2h" for 2 hours.'),
        ("[lists.populer]\nwindow = '1'", "lists.populer.window", "1", '"1s" for 1 second or "1h" for 1 hour.'),
        ("[refresh]\nevery = 5", "refresh.every", "5", '"5s" for 5 seconds or "5h" for 5 hours.'),
        ("[retention]\nbucket = 300", "retention.bucket", "300", '"300s" for 300 seconds or "300h" for 300 hours.'),
        ("[lists.populer]\nmax_age = -3", "lists.populer.max_age", "-3", 'a number and its unit, such as "2h".'),
    ],
)
def test_a_duration_without_a_unit_is_refused_with_the_ways_of_writing_it(
    tmp_path: Path, text: str, setting: str, number: str, ways: str
) -> None:
    sentence = f'{setting}: expected a duration such as "2h", found the number {number}. Write {ways}'
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        from_toml(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ingest.dedupe_window", 0.0),
        ("service.drain", 0.0),
        ("alarms.quiet", 0.0),
        ("ingest.spool", 0),
        ("service.streams", 0),
        ("ingest.bots", False),
        ("lists.populer.floor", 0.0),
        ("lists.populer.min_age", 0.0),
        ("lists.populer.sections", False),
    ],
)
def test_zero_is_zero_in_the_file_and_in_the_environment(tmp_path: Path, name: str, value: object) -> None:
    table, setting = name.rsplit(".", 1)
    file = tmp_path / "populer.toml"
    for text in ("0", '"0"'):
        file.write_text(f"[{table}]\n{setting} = {text}")
        assert _value(load(file, {}).settings, name) == value
    assert _value(load(NOTHING, {"POPULER_" + name.upper().replace(".", "__"): "0"}).settings, name) == value


def test_a_zero_that_a_setting_may_not_be_is_refused_as_any_other_value() -> None:
    with pytest.raises(SettingsError, match=r"refresh\.every: expected a duration of at least 250ms, found 0s"):
        load(NOTHING, {"POPULER_REFRESH_EVERY": "0"})
    with pytest.raises(SettingsError, match=r"ingest\.max_body: expected .* 1024, found '0'"):
        load(NOTHING, {"POPULER_INGEST_MAX_BODY": "0"})


def _value(settings: Settings, name: str) -> object:
    """What a setting is, by its dotted name."""
    found: Any = settings
    for step in name.split("."):
        if isinstance(found, dict):
            found = found[step]
        else:
            fields = type(found).model_fields
            found = getattr(found, next(name for name in fields if step in (name, fields[name].alias)))
    return found


def test_a_duration_without_a_unit_is_refused_in_the_environment_and_in_a_dry_run() -> None:
    with pytest.raises(SettingsError, match=r"refresh\.every: .*the number 5\. .* \(environment\)"):
        load(NOTHING, {"POPULER_REFRESH__EVERY": "5"})
    loaded = load(NOTHING, {})
    with pytest.raises(SettingsError, match=r"half_life: .*the number 2\. .* \(--set\)"):
        with_list_settings(loaded.settings, loaded.raw, "populer", ["half_life=2"])


# Settings that have no effect


def test_a_setting_without_effect_is_refused_with_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text('[lists.a]\nkind = "latest"\nhalf_life = "1h"\n[lists.b]\ngravity = 3')
    with pytest.raises(SettingsError) as raised:
        load(file, {"POPULER_LISTS__B__METHOD": "ewma"})
    assert str(raised.value).split("; ") == [
        'lists.a.half_life: has no effect with kind = "latest". Remove it, or set kind = "ranked" or kind = "burst".'
        f" ({file})",
        f'lists.b.gravity: has no effect with aging = "none". Remove it, or set aging = "gravity". ({file})',
        'lists.b.method: has no effect with kind = "ranked". Remove it, or set kind = "burst". (environment)',
    ]


def test_a_dry_run_drops_what_it_leaves_without_effect_and_refuses_what_it_names_itself(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text('[lists.populer]\nhalf_life = "3h"\naging = "gravity"\ngravity = 1.5')
    loaded = load(file, {})

    def changed(*changes: str) -> ListSettings:
        return with_list_settings(loaded.settings, loaded.raw, "populer", list(changes)).lists["populer"]

    assert changed("decay=window", "window=1d", "aging=none").window_s == 86_400
    assert changed("kind=latest").kind == "latest"
    with pytest.raises(SettingsError, match=r'half_life: has no effect with decay = "window"'):
        changed("decay=window", "half_life=1h")
    with pytest.raises(SettingsError, match=r'gravity: has no effect with aging = "none"'):
        changed("aging=none", "gravity=2")
    assert changed("half_life=1h", "gravity=2").gravity == 2


def test_later_layers_go_over_earlier_ones_table_by_table(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    file.write_text('[refresh]\nevery = "9s"\nlease = "30s"\n[ingest]\nkinds = ["view", "share"]')
    environ = {"POPULER_REFRESH__EVERY": "8s", "POPULER_INGEST__KINDS": '["view"]'}
    loaded = load(file, environ, {"refresh": {"every": "7s"}})
    assert (loaded.settings.refresh.every_s, loaded.settings.refresh.lease_s) == (7, 30)
    assert loaded.settings.ingest.kinds == ("view",)
    assert loaded.source.flags == {"refresh": {"every": "7s"}}


def test_the_config_version_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(NOTHING, {}).settings
    version = settings.config_version
    monkeypatch.setattr("ranking.settings.service.hashlib.blake2b", None)
    assert settings.config_version == version


def test_a_copy_with_changes_has_a_config_version_of_its_own() -> None:
    settings = load(NOTHING, {"POPULER_LISTS__POPULER__HALF_LIFE": "auto"}).settings
    version = settings.config_version
    learned = settings.under({"populer": LearnedSetting(60.0, 1.0)})
    assert learned.config_version != version == settings.config_version
