"""Where a visit began is one of five words, told from a host of whatever form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.errors import InvalidEventError
from ranking.intake.events import Intake, WireEvent, checked_event
from ranking.intake.hosts import Hosts
from ranking.intake.referrers import CLASSES, referrer_class

INTAKE = Intake(
    frozenset({"view", "click"}), 1_764_532_140.0, 3600.0, trusted=False, sources=frozenset({"list:populer"}),
    hosts=Hosts(["koran.example"]), referrers=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("", "direct"),
        ("www.google.com", "search"),
        ("google.co.id", "search"),
        ("id.search.yahoo.com", "search"),
        ("com.google.android.googlequicksearchbox", "search"),
        ("mail.google.com", "newsletter"),
        ("com.google.android.gm", "newsletter"),
        ("mail.yahoo.co.id", "newsletter"),
        ("l.facebook.com", "social"),
        ("T.CO", "social"),
        ("web.whatsapp.com:443", "social"),
        ("t.me", "social"),
        ("kaskus.co.id", "social"),
        ("detik.com", "other"),
        ("notgoogle.com", "other"),
        ("google.com.evil.example", "other"),
        ("fax.com", "other"),
    ],
)
def test_class_is_of_the_host(host: str, name: str) -> None:
    assert referrer_class(host) == name


@given(st.text(max_size=400))
def test_class_of_any_text_is_one_of_five(text: str) -> None:
    assert referrer_class(text) in CLASSES


@pytest.mark.parametrize(
    ("wire", "channel"),
    [
        (WireEvent("a", ref="www.google.com"), "view@ref:search"),
        (WireEvent("a", ref=""), "view@ref:direct"),
        (WireEvent("a"), "view"),
        (WireEvent("a", ref="www.koran.example"), "view"),  # a page of its own
        (WireEvent("a", ref="m.koran.example:8080"), "view"),
        (WireEvent("a", ref="[::"), "view@ref:other"),
        (WireEvent("a", ref={"host": "google.com"}), "view"),  # whatever else a client calls so
        (WireEvent("a", ref="google.com", source="list:populer"), "view@list:populer"),
        (WireEvent("a", source="ref:search"), "view@other"),
        (WireEvent("a", source="ref:made-up", ref="google.com"), "view@other"),
        (WireEvent("a", kind="click", ref="google.com"), "click"),
    ],
)
def test_view_has_the_class_as_its_source_where_it_has_none(wire: WireEvent, channel: str) -> None:
    assert checked_event(wire, INTAKE).channel == channel


def test_host_is_not_looked_at_where_the_site_does_not_ask() -> None:
    intake = INTAKE._replace(referrers=False)
    assert checked_event(WireEvent("a", ref="www.google.com"), intake).channel == "view"
    assert checked_event(WireEvent("a", source="ref:search"), intake).channel == "view@other"


def test_kind_that_is_not_counted_is_refused_as_before() -> None:
    with pytest.raises(InvalidEventError):
        checked_event(WireEvent("a", kind="comment", ref=""), INTAKE)
