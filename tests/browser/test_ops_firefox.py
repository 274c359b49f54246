"""The newsroom's page in Firefox, driven by its own protocol, Marionette: signing in, a place by keyboard, a range."""

import base64
import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Newsroom
from firefox import running_firefox
from ports import free_ports
from service import wait_until
from test_ops import at

WITHIN_S = 60.0
ENTER, UP = "\ue007", "\ue013"


class Firefox:
    """One page of a Firefox without a head."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), WITHIN_S)
        self._number = 0
        self._read()  # it names itself
        self.do("WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})

    def close(self) -> None:
        self._socket.close()

    def do(self, command: str, **parameters: Any) -> Any:
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(message), message))
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def js(self, script: str, *args: Any) -> Any:
        """What a script returns."""
        return self.do("WebDriver:ExecuteScript", script=script, args=list(args))["value"]

    def press(self, keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.do("WebDriver:PerformActions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def _read(self) -> Any:
        size = b""
        while not size.endswith(b":"):
            size += self._socket.recv(1)
        content, wanted = b"", int(size[:-1])
        while len(content) < wanted:
            content += self._socket.recv(wanted - len(content))
        return json.loads(content)


@pytest.fixture
def firefox() -> Iterator[Firefox]:
    """A Firefox that is driven."""
    (port,) = free_ports(1)
    with (
        running_firefox("--marionette", preferences=f'user_pref("marionette.port", {port});\n'),
        contextlib.closing(connected(port)) as driven,
    ):
        yield driven


def connected(port: int) -> Firefox:
    """A Firefox, once it listens."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            return Firefox(port)
        except OSError:
            assert time.monotonic() < deadline, "Firefox does not listen"
            time.sleep(0.1)


def test_an_editor_signs_in_pins_by_keyboard_and_sees_a_range(newsroom: Newsroom, firefox: Firefox) -> None:
    service, desk = newsroom.service, newsroom.publish(3)
    a, b, c = desk.ids
    firefox.do("WebDriver:Navigate", url=at(service, desk, "lists", "id"))
    wait_until(lambda: firefox.js("return document.activeElement.id") == "key", WITHIN_S)
    firefox.press(service.admin_key + ENTER)

    def live() -> Any:
        return firefox.js("return [...document.querySelectorAll('#live li')].map((row) => row.dataset.item)")

    wait_until(lambda: live() == [a, b, c], WITHIN_S)
    assert firefox.text("#live-title") == "Tayang sekarang"
    firefox.js("document.querySelector('#live li:nth-child(3) .handle').focus()")
    firefox.press(UP + UP + ENTER)
    wait_until(lambda: live() == [c, a, b], WITHIN_S)
    firefox.js("location.hash = 'page=ranges&by=section'")
    # The fifty most read are shown: of the sections of all tests so far, perhaps not this one's.
    wait_until(lambda: "kanal-" in firefox.text("#ranges tbody"), WITHIN_S)
    if folder := os.environ.get("POPULER_SHOTS"):
        picture = base64.b64decode(firefox.do("WebDriver:TakeScreenshot", full=True)["value"])
        Path(folder, "ops-firefox.png").write_bytes(picture)
