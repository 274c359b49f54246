"""Who holds a key, and what becomes of those who guess."""

from typing import Any

import pytest
import structlog
from servers import NOW, Clock

from api.filtering.addresses import Addresses
from api.filtering.callers import MISSES_A_MINUTE, Callers
from api.http.auth import STRANGER, Caller, Grade
from api.http.problems import Problem
from ranking.settings.keys import hashed
from ranking.settings.service import Settings

KEYS = {"write": "write-key-of-the-koran", "editor": {"siti": "sitis-key-of-the-koran"}}
SETTINGS = Settings.model_validate(
    {"sites": [{"id": "koran", "keys": {**KEYS, "admin": {"ops": hashed("ops-key-of-the-koran")}}}, {"id": "kedua"}]}
)
KORAN, KEDUA = SETTINGS.sites


def request(key: str | None = None, address: str = "203.0.113.7") -> dict[str, Any]:
    headers = [(b"x-forwarded-for", address.encode())]
    if key is not None:
        headers.append((b"authorization", f"Bearer {key}".encode()))
    return {"client": ("127.0.0.1", 1), "headers": headers}


def callers(clock: Clock, before: Callers | None = None) -> Callers:
    return Callers(SETTINGS, Addresses(["127.0.0.1"]).client, clock, before)


def status(asked: Callers, key: str, address: str = "203.0.113.7") -> int:
    try:
        asked.identify(request(key, address), KORAN)
    except Problem as problem:
        return problem.status
    return 200


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.mark.parametrize(
    ("key", "caller"),
    [
        (None, STRANGER),
        ("write-key-of-the-koran", Caller(Grade.WRITE, "write")),
        ("sitis-key-of-the-koran", Caller(Grade.EDITOR, "siti")),
        ("ops-key-of-the-koran", Caller(Grade.ADMIN, "ops")),
    ],
)
def test_a_caller_has_the_grade_and_the_name_of_the_key(clock: Clock, key: str | None, caller: Caller) -> None:
    assert callers(clock).identify(request(key), KORAN) == caller


def test_the_hash_of_a_key_opens_nothing(clock: Clock) -> None:
    assert status(callers(clock), hashed("ops-key-of-the-koran")) == 401


def test_a_key_is_its_own_sites_alone(clock: Clock) -> None:
    with pytest.raises(Problem) as refused:
        callers(clock).identify(request("write-key-of-the-koran"), KEDUA)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("grade", "allowed"),
    [
        (Grade.PUBLIC, {Grade.PUBLIC}),
        (Grade.WRITE, {Grade.PUBLIC, Grade.WRITE}),
        (Grade.EDITOR, {Grade.PUBLIC, Grade.EDITOR}),
        (Grade.ADMIN, set(Grade)),
    ],
)
def test_an_editor_cannot_write_and_a_server_cannot_edit(grade: Grade, allowed: set[Grade]) -> None:
    assert {need for need in Grade if grade.allows(need)} == allowed


def test_twenty_wrong_keys_a_minute_are_answered_and_then_none(clock: Clock) -> None:
    asked = callers(clock)
    found = [status(asked, f"wrong-{number}") for number in range(30)]
    assert found == [401] * MISSES_A_MINUTE + [429] * 10
    assert status(asked, "wrong", address="203.0.113.8") == 401, "another address is another sender"
    clock.now += 60
    assert status(asked, "wrong") == 401


def test_a_right_guess_cannot_be_told_from_a_wrong_one_once_there_were_too_many(clock: Clock) -> None:
    asked = callers(clock)
    for number in range(MISSES_A_MINUTE):
        status(asked, f"wrong-{number}")
    assert status(asked, "ops-key-of-the-koran") == 429
    clock.now += 3
    assert status(asked, "ops-key-of-the-koran") == 200


def test_a_key_that_came_from_there_before_is_taken_whatever_others_guess(clock: Clock) -> None:
    asked = callers(clock)
    assert status(asked, "write-key-of-the-koran") == 200
    for number in range(2 * MISSES_A_MINUTE):
        status(asked, f"wrong-{number}")
    assert status(asked, "write-key-of-the-koran") == 200
    assert status(callers(clock, asked), "write-key-of-the-koran") == 200, "a reload forgets nothing"


def test_wrong_keys_are_logged_once_a_minute_without_the_address(clock: Clock) -> None:
    asked = callers(clock)
    with structlog.testing.capture_logs() as logged:
        for number in range(50):
            status(asked, f"wrong-{number}")
        clock.now += 61
        status(asked, "wrong-again")
    assert [(each["site"], each["wrong"]) for each in logged] == [("koran", 1), ("koran", 50)]
    assert "203.0.113" not in str(logged)
    assert "wrong-1" not in str(logged)
