"""One visitor, one identity for a day and a site; and nothing in it, or in what is kept, that names anybody."""

import itertools
import secrets

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api.filtering.visitors import DIGEST_BYTES, LONGEST_REMEMBERED, REMEMBERED, Identity, Visitors

TODAY, YESTERDAY = b"t" * 32, b"y" * 32
AGENT = b"Mozilla/5.0 (Linux; Android 14; CPH2591) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36"

texts = st.text(st.characters(codec=None, categories=None), max_size=8)  # lone surrogates are there too
readers = st.tuples(texts, texts, st.binary(max_size=8), st.none() | texts)


class Named(Visitors):
    """Visitors, asked for one event of one request."""

    def of_reader(self, site: str, address: str, agent: bytes, visitor: str | None) -> Identity:
        return self.reader(site, address, address, agent)(visitor)

    def of_server(self, site: str, visitor: str) -> Identity:
        return self.server(site)(visitor)


def under(today: bytes, yesterday: bytes = b"") -> Named:
    return Named(lambda: (today, yesterday))


VISITORS = under(TODAY, YESTERDAY)


@given(readers)
def test_the_same_reader_has_the_same_identity(reader: tuple[str, str, bytes, str | None]) -> None:
    found = VISITORS.of_reader(*reader)
    assert found == VISITORS.of_reader(*reader) == under(TODAY, YESTERDAY).of_reader(*reader)
    assert [len(each) for each in found] == [DIGEST_BYTES, DIGEST_BYTES]


@given(readers, readers)
def test_readers_who_differ_in_anything_are_told_apart(
    one: tuple[str, str, bytes, str | None], other: tuple[str, str, bytes, str | None]
) -> None:
    assume(one != other)
    first, second = VISITORS.of_reader(*one), VISITORS.of_reader(*other)
    assert first.now != second.now
    assert first.before != second.before


@given(texts, texts, st.integers(0, 8), st.integers(0, 8))
def test_fields_do_not_run_into_one_another(site: str, address: str, one: int, other: int) -> None:
    text = site + address
    assume(text[:one] != text[:other])
    here, there = ((text[:at], text[at:], b"", None) for at in (one, other))
    assert VISITORS.of_reader(*here) != VISITORS.of_reader(*there)
    assert VISITORS.of_reader(text[:one], text[one:], b"ab", "c") != VISITORS.of_reader(
        text[:one], text[one:], b"a", "bc"
    )


def test_to_say_nothing_is_not_to_say_an_empty_name() -> None:
    assert VISITORS.of_reader("s", "a", b"b", None) != VISITORS.of_reader("s", "a", b"b", "")


@given(texts, texts)
def test_a_reader_cannot_pass_for_a_servers_visitor(site: str, visitor: str) -> None:
    assert VISITORS.of_server(site, visitor) == VISITORS.of_server(site, visitor)
    assert VISITORS.of_server(site, visitor).now != VISITORS.of_reader(site, "", b"", visitor).now


def test_a_servers_visitors_are_told_apart_by_name_and_site() -> None:
    named = [VISITORS.of_server(site, visitor) for site, visitor in itertools.product(["a", "ab", ""], ["b", "bb", ""])]
    assert len(set(named)) == len(named)


@given(readers)
def test_yesterdays_identity_is_what_it_was_yesterday(reader: tuple[str, str, bytes, str | None]) -> None:
    assert VISITORS.of_reader(*reader).before == under(YESTERDAY).of_reader(*reader).now
    assert VISITORS.of_server("s", "v").before == under(YESTERDAY).of_server("s", "v").now


def test_without_yesterdays_salt_there_is_no_identity_of_yesterday() -> None:
    assert under(TODAY).of_reader("s", "a", b"b", None).before == b""
    assert under(TODAY).of_server("s", "v").before == b""


def test_under_another_salt_everybody_is_somebody_else() -> None:
    found = {under(secrets.token_bytes(32)).of_reader("s", "203.0.113.7", AGENT, None).now for _ in range(100)}
    assert len(found) == 100


def test_a_change_of_the_salts_counts_at_once_and_leaves_nobody_in_memory() -> None:
    pair = [(TODAY, YESTERDAY)]
    visitors = Named(lambda: pair[0])
    before = visitors.of_reader("s", "203.0.113.7", AGENT, None)
    kept = visitors._hashes.remembered
    pair[0] = (b"n" * 32, TODAY)
    after = visitors.of_reader("s", "203.0.113.7", AGENT, None)
    assert after.before == before.now != after.now
    assert visitors._hashes.remembered is not kept
    assert visitors._hashes.remembered.cache_info().currsize == 1


def test_what_strangers_send_fills_a_bounded_memory() -> None:
    visitors = under(TODAY)
    for number in range(REMEMBERED + 1000):
        visitors.of_reader("s", f"10.0.{number >> 8}.{number & 255}", AGENT, None)
    assert visitors._hashes.remembered.cache_info().currsize == REMEMBERED
    kept = under(TODAY)
    kept.of_reader("s", "203.0.113.7", b"x" * (LONGEST_REMEMBERED + 1), None)
    assert kept._hashes.remembered.cache_info().currsize == 0
    for number in range(10):
        kept.of_reader("s", "203.0.113.7", b"", f"{number}" * LONGEST_REMEMBERED)
    assert kept._hashes.remembered.cache_info().currsize == 1


@pytest.mark.parametrize("length", [0, LONGEST_REMEMBERED, LONGEST_REMEMBERED + 1, 10 * LONGEST_REMEMBERED])
def test_a_user_agent_counts_to_its_last_byte_however_long(length: int) -> None:
    assert VISITORS.of_reader("s", "a", b"x" * length + b"y", None) != VISITORS.of_reader(
        "s", "a", b"x" * length + b"z", None
    )


def test_an_identity_holds_nothing_of_what_it_was_made_from() -> None:
    found = VISITORS.of_reader("koran", "203.0.113.7", AGENT, "reader-1")
    assert isinstance(found, Identity)
    assert not any(part in repr(VISITORS) + repr(found) for part in ("203.0.113", "Mozilla", "reader-1"))
