"""Of the questions to the parts of a site the last one stands, and of the answers those to it."""

import pytest
import servers

from ranking.errors import OvertakenError
from ranking.store.rounds import Round


async def test_answers_are_those_to_the_last_question(topology: servers.Topology) -> None:
    async with servers.opened(topology.url) as store:
        rounds, first, second = store.rounds, Round(3, 1), Round(3, 2)
        assert await rounds.asked("s", None) is None
        await rounds.ask("s", first, b"one\xff")
        assert await rounds.asked("s", None) == (first, b"one\xff")
        assert await rounds.asked("s", first) is None
        await rounds.answer("s", first, "a", b"\x00of a")
        assert await rounds.answered("s", first) == ["a"]
        assert await rounds.answers("s", first) == {"a": b"\x00of a"}
        await rounds.ask("s", second, b"two")
        assert await rounds.answers("s", second) == {}
        await rounds.answer("s", first, "b", b"too late")
        assert await rounds.answered("s", second) == []
        await rounds.answer("s", second, "b", b"of b")
        assert await rounds.answers("s", second) == {"b": b"of b"}
        assert await rounds.answered("s", first) == []
        assert await rounds.answers("s", first) == {}


async def test_question_of_an_earlier_term_is_refused(topology: servers.Topology) -> None:
    async with servers.opened(topology.url) as store:
        await store.rounds.ask("s", Round(4, 1), b"later")
        with pytest.raises(OvertakenError) as refused:
            await store.rounds.ask("s", Round(3, 9), b"earlier")
        assert refused.value.epoch == 4
        assert await store.rounds.asked("s", None) == (Round(4, 1), b"later")
        await store.rounds.ask("other", Round(1, 1), b"of another site")


async def test_question_and_answers_have_a_lifetime(topology: servers.Topology) -> None:
    async with servers.opened(topology.url) as store:
        await store.rounds.ask("s", Round(1, 1), b"one")
        await store.rounds.answer("s", Round(1, 1), "a", b"of a")
    lives = {key: life for key, life in topology.every_key().items() if key.startswith("populer:{s}:")}
    assert lives.keys() == {"populer:{s}:round", "populer:{s}:answers"}
    assert min(lives.values()) > 0
