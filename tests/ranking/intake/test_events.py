"""An event counts, or is refused in a sentence that names the field. Only the trusted may say when it happened."""

import math
from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ranking.errors import InvalidEventError
from ranking.intake.events import (
    CLOCK_SKEW_S,
    MAX_NAME_CHARS,
    MAX_POSITION,
    Event,
    Intake,
    WireEvent,
    channel,
    channel_kind,
    checked_event,
)

NOW = 1_700_000_000.0
KEEP_S = 30 * 86_400.0
TEN_YEARS_S = 10 * 365 * 86_400.0
PUBLIC = Intake(frozenset({"view", "click"}), NOW, KEEP_S, trusted=False)
WIB = timezone(timedelta(hours=7))
TRUSTED = PUBLIC._replace(trusted=True)


def refusal(wire: WireEvent, intake: Intake = TRUSTED) -> str:
    with pytest.raises(InvalidEventError) as refused:
        checked_event(wire, intake)
    return str(refused.value)


def test_checked_event_takes_an_item_alone() -> None:
    assert checked_event(WireEvent(item="a"), PUBLIC) == Event("a", "view", NOW)


def test_checked_event_counts_under_kind_source_and_position() -> None:
    wire = WireEvent(item="a", kind="click", source="list:populer", position=3)
    assert checked_event(wire, PUBLIC) == Event("a", "click@list:populer#3", NOW)
    assert checked_event(WireEvent(item="a", source="app"), PUBLIC).channel == "view@app"


@pytest.mark.parametrize(
    ("source", "channel"),
    [
        ("list:populer", "click@list:populer#3"),
        ("app", "click@app"),
        ("made-up", "click@other"),
        ("list:made-up", "click@list:other"),
        (None, "click"),
    ],
)
def test_checked_event_makes_no_channel_of_an_unnamed_source(source: str | None, channel: str) -> None:
    wire = WireEvent(item="a", kind="click", source=source, position=3)
    known = PUBLIC._replace(sources=frozenset({"list:populer", "app"}))
    assert checked_event(wire, known).channel == channel
    trusted = checked_event(wire, known._replace(trusted=True)).channel
    assert trusted == ("click" if source is None else f"click@{source}#3")


@settings(deadline=None)
@given(
    st.sampled_from(["view", "click", "baca-2"]), st.none() | st.just("list:populer"), st.none() | st.integers(1, 1000)
)
def test_channel_kind_reads_the_kind_back_from_any_channel(kind: str, source: str | None, position: int | None) -> None:
    assert channel_kind(channel(kind, source, position)) == kind


# item


def test_checked_event_refuses_an_event_without_an_item() -> None:
    assert refusal(WireEvent()) == "item: is missing, and so is url"


@pytest.mark.parametrize("item", ["", " ", "\t\n", "\u3000"])
def test_checked_event_refuses_an_empty_item(item: str) -> None:
    assert refusal(WireEvent(item=item)) == "item: must not be empty"


@pytest.mark.parametrize("item", ["a" * 512, "é" * 256, "🔥" * 128, "a|b", "dua kata", "/2025/12/01/judul?x=1"])
def test_checked_event_takes_an_opaque_id_up_to_512_bytes(item: str) -> None:
    assert checked_event(WireEvent(item=item), PUBLIC).item == item


@pytest.mark.parametrize("item", ["a" * 513, "é" * 256 + "a", "🔥" * 128 + "a", "🔥" * 129])
def test_checked_event_refuses_an_id_over_512_bytes(item: str) -> None:
    assert refusal(WireEvent(item=item)) == "item: must not be over 512 bytes"


@pytest.mark.parametrize("item", ["\ud800", "a\udfff", "\udcff" * 10])
def test_checked_event_refuses_an_id_that_is_no_unicode(item: str) -> None:
    assert refusal(WireEvent(item=item)) == "item: must be valid Unicode"


# kind


def test_checked_event_refuses_an_unknown_kind_with_the_known_ones() -> None:
    assert refusal(WireEvent(item="a", kind="like")) == "kind: must be one of click, view, found 'like'"


def test_checked_event_repeats_no_more_of_a_kind_than_a_name_may_have() -> None:
    assert len(refusal(WireEvent(item="a", kind="x" * 100_000))) < 200


# source and position


@pytest.mark.parametrize("source", ["a", "list:populer", "A-Z_0.9", "x" * MAX_NAME_CHARS])
def test_checked_event_takes_a_short_name_as_source(source: str) -> None:
    assert checked_event(WireEvent(item="a", source=source), PUBLIC).channel == f"view@{source}"


@pytest.mark.parametrize("source", ["", " ", "a b", "a|b", "a@b", "a#1", "é", "\ud800", "x" * (MAX_NAME_CHARS + 1)])
def test_checked_event_refuses_a_source_that_is_no_name(source: str) -> None:
    message = refusal(WireEvent(item="a", source=source))
    assert message.startswith("source: must be 1 to 64 letters, digits or . _ : -")
    assert message.endswith(f"found {source[:MAX_NAME_CHARS]!r}")


@pytest.mark.parametrize("position", [1, MAX_POSITION])
def test_checked_event_takes_a_position_on_a_list(position: int) -> None:
    assert checked_event(WireEvent(item="a", source="list:a", position=position), PUBLIC).channel.endswith(
        f"#{position}"
    )


@pytest.mark.parametrize("position", [0, -1, MAX_POSITION + 1, 10**30])
def test_checked_event_refuses_an_impossible_position(position: int) -> None:
    message = refusal(WireEvent(item="a", source="list", position=position))
    assert message == f"position: must be from 1 to 1000, found {position}"


# ts


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_checked_event_ignores_the_time_of_a_public_event(ts: float) -> None:
    assert checked_event(WireEvent(item="a", ts=ts), PUBLIC).ts == NOW


@pytest.mark.parametrize("ts", [0.0, 1.0, -1.0, NOW - TEN_YEARS_S, NOW + TEN_YEARS_S, NOW * 1000])
def test_checked_event_is_not_bent_by_a_wild_public_clock(ts: float) -> None:
    assert checked_event(WireEvent(item="a", ts=ts), PUBLIC).ts == NOW


@pytest.mark.parametrize("ts", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("intake", [PUBLIC, TRUSTED], ids=["public", "trusted"])
def test_checked_event_refuses_a_time_that_is_no_number(ts: float, intake: Intake) -> None:
    assert refusal(WireEvent(item="a", ts=ts), intake) == f"ts: must be epoch seconds, found {ts}"


@settings(deadline=None)
@given(st.floats(0, KEEP_S, exclude_max=True))
def test_checked_event_counts_a_trusted_event_when_it_happened(age_s: float) -> None:
    ts = NOW - age_s
    assume(ts > NOW - KEEP_S)
    assert checked_event(WireEvent(item="a", ts=ts), TRUSTED).ts == ts


@pytest.mark.parametrize("ahead_s", [0.001, 1, CLOCK_SKEW_S])
def test_checked_event_takes_a_trusted_clock_a_little_ahead_as_now(ahead_s: float) -> None:
    assert checked_event(WireEvent(item="a", ts=NOW + ahead_s), TRUSTED).ts == NOW


@pytest.mark.parametrize("ts", [NOW + CLOCK_SKEW_S + 1, NOW + TEN_YEARS_S])
def test_checked_event_refuses_a_trusted_event_of_the_future(ts: float) -> None:
    assert refusal(WireEvent(item="a", ts=ts)) == f"ts: must not lie in the future, found {ts:.0f} at 1700000000"


def test_checked_event_takes_milliseconds() -> None:
    assert checked_event(WireEvent(item="a", ts=(NOW - 60) * 1000), TRUSTED).ts == NOW - 60


def test_checked_event_reads_a_time_without_an_offset_in_the_sites_zone() -> None:
    intake = TRUSTED._replace(zone=WIB)
    written = datetime.fromtimestamp(NOW - 60, WIB).replace(tzinfo=None)
    assert checked_event(WireEvent(item="a", ts=written.isoformat(" ")), intake).ts == NOW - 60


@pytest.mark.parametrize("ts", [0.0, 1.0, -5e9, NOW - TEN_YEARS_S, NOW - KEEP_S])
def test_checked_event_refuses_a_trusted_event_older_than_the_retention(ts: float) -> None:
    message = refusal(WireEvent(item="a", ts=ts))
    assert message == f"ts: must lie within the last 30d (retention.keep), found {ts:.0f}"


@settings(deadline=None)
@given(
    st.builds(
        WireEvent,
        item=st.none() | st.text(max_size=20),
        kind=st.sampled_from(["view", "click"]) | st.text(max_size=5),
        ts=st.none() | st.floats(),
        source=st.none() | st.text(max_size=5),
        position=st.none() | st.integers(),
    ),
    st.sampled_from([PUBLIC, TRUSTED]),
)
def test_checked_event_counts_in_the_retention_or_names_the_field(wire: WireEvent, intake: Intake) -> None:
    try:
        event = checked_event(wire, intake)
    except InvalidEventError as refused:
        assert str(refused).partition(":")[0] in {"item", "kind", "ts", "source", "position"}
    else:
        assert NOW - KEEP_S < event.ts <= NOW
        assert "|" not in event.channel
        event.item.encode()


def test_wire_event_ignores_unknown_fields() -> None:
    wire = msgspec.json.decode(b'{"item":"a","utm":1,"visitor":"v","url":"/a"}', type=WireEvent)
    assert checked_event(wire, PUBLIC) == Event("a", "view", NOW, page="/a")


@pytest.mark.parametrize(
    ("wire", "told"),
    [
        (WireEvent(item="a", page="/b"), "https://koran.example/b"),
        (WireEvent(item="a", page="https://m.koran.example/b", url="/c"), "https://m.koran.example/b"),
        (WireEvent(url="/c"), "https://koran.example/c"),
        (WireEvent(item="a"), ""),
    ],
)
def test_event_says_where_it_was_read(wire: WireEvent, told: str) -> None:
    assert checked_event(wire, PUBLIC._replace(page="https://koran.example/")).page == told


def test_an_event_names_its_item_without_controls() -> None:
    intake = Intake(frozenset({"view"}), 1_000.0, 100.0, trusted=False)
    assert checked_event(WireEvent(item="berita\x00-1\n"), intake).item == "berita-1 "
    with pytest.raises(InvalidEventError, match="item: must not be empty"):
        checked_event(WireEvent(item="\x00"), intake)
