"""Logs: one form whoever logs, a level, a line per request if asked for, and no word of who reads."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from service import Service, serving, wait_until

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE = f"00-{ID}-00f067aa0ba902b7-01"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EVERYBODY = """
import asyncio, logging, threading, warnings
import structlog
from populer.service import logs
from ranking.settings.service import ServiceSettings

logs.set_up(ServiceSettings(log_format=FORMAT, log_level=LEVEL), role="main")
structlog.get_logger("populer").debug("in detail")
structlog.get_logger("populer").info("ours")
structlog.get_logger("populer").warning("of weight", site="koran")
logging.getLogger("library").warning("a library's %s", "warning")
logging.getLogger("uvicorn.error").error("uvicorn's")
warnings.warn("deprecated")

def fail():
    raise ValueError("of a thread")

thread = threading.Thread(target=fail)
thread.start()
thread.join()

async def forgotten():
    raise ValueError("of a task")

async def run():
    task = asyncio.create_task(forgotten())
    await asyncio.wait({task})
    del task

asyncio.run(run())
raise RuntimeError("of all")
"""
EVENTS = [
    "in detail", "ours", "of weight", "a library's warning", "uvicorn's", "deprecated",
    "A thread ended by an error.", "Task exception was never retrieved", "This process ends by an error.",
]  # fmt: skip


def logged(log_format: str, level: str) -> str:
    script = EVERYBODY.replace("FORMAT", repr(log_format)).replace("LEVEL", repr(level))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    return done.stderr


def test_everybody_logs_json_also_a_crash() -> None:
    lines = [json.loads(line) for line in logged("json", "debug").splitlines()]
    assert [next(event for event in EVENTS if event in line["event"]) for line in lines] == [*EVENTS]
    assert all(line["role"] == "main" and line["timestamp"] for line in lines)
    assert [line["level"] for line in lines] == [
        "debug", "info", "warning", "warning", "error", "warning", "error", "error", "critical",
    ]  # fmt: skip
    assert lines[3]["logger"] == "library"
    for line, error in zip(lines[-3:], ("of a thread", "of a task", "of all"), strict=True):
        assert line["exception"].startswith("Traceback (most recent call last):")
        assert error in line["exception"]


def test_text_says_the_same() -> None:
    text = logged("text", "debug")
    assert all(event in text for event in EVENTS)
    assert "RuntimeError: of all" in text


@pytest.mark.parametrize(
    ("level", "left"),
    [("info", EVENTS[1:]), ("warning", EVENTS[2:]), ("error", [each for each in EVENTS[4:] if each != "deprecated"])],
)
def test_the_level_leaves_out_what_is_below_it(level: str, left: list[str]) -> None:
    text = logged("text", level)
    assert [event for event in EVENTS if event in text] == left


def lines_of(service: Service) -> list[dict[str, Any]]:
    """All lines, each of which is JSON."""
    return [json.loads(line) for line in service.log.read_text().splitlines()]


def ask(service: Service) -> None:
    """Requests that name a reader wherever one can."""
    headers = {
        "user-agent": BROWSER, "x-forwarded-for": "203.0.113.77", "traceparent": TRACE,
        "referer": "https://koran.example/?reader=pembaca-9",
    }  # fmt: skip
    with httpx2.Client(base_url=service.url, headers=headers, trust_env=False, timeout=30) as client:
        assert client.post("/v1/events", json={"item": "a", "visitor": "pembaca-1"}).status_code == 202
        assert client.get("/v1/pixel.gif?item=a&visitor=pembaca-2").status_code == 200
        assert client.get("/v1/lists/populer?exclude=pembaca-3").status_code == 200
        assert client.get("/v1/items/pembaca-4?visitor=pembaca-5").status_code == 401


def test_a_line_for_each_request_names_its_trace_and_nobody(tmp_path: Path) -> None:
    env = {"POPULER_SERVICE__LOG_FORMAT": "json", "POPULER_SERVICE__ACCESS_LOG": "true"}
    with serving(tmp_path / "data", env=env) as service:
        ask(service)
        wait_until(lambda: sum(line.get("trace_id") == ID for line in lines_of(service)) >= 4, 60)
        lines = [line for line in lines_of(service) if line["event"] == "request" and line.get("trace_id") == ID]
        assert [(line["method"], line["path"], line["status"]) for line in lines] == [
            ("POST", "/v1/events", 202),
            ("GET", "/v1/pixel.gif", 200),
            ("GET", "/v1/lists/populer", 200),
            ("GET", "/v1/items/pembaca-4", 401),
        ]
        assert all(0 < line["ms"] < 60_000 for line in lines)
    text = service.log.read_text().replace("/v1/items/pembaca-4", "")
    assert not [word for word in ("pembaca", "203.0.113.77", "Firefox", "127.0.0.1:") if word in text]


def test_no_line_for_requests_unless_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path / "data", env={"POPULER_SERVICE__LOG_FORMAT": "json"}) as service:
        ask(service)
    assert "request" not in {line["event"] for line in lines_of(service)}
