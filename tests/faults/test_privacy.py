"""Nothing that names a reader is ever written: not in the store, its log of writes, the spool, our logs or metrics."""

import os
import signal
import sys
from pathlib import Path

import httpx2

from ranking.store.embedded.server import EmbeddedValkey

sys.path.append(str(Path(__file__).parents[1] / "populer"))

from service import serving, wait_until

ADDRESSES = ["203.0.113.77", "2001:db8:77:88::99"]
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0; marked-browser) Gecko/20100101 Firefox/140.0"
MARKS = [b"203.0.113", b"2001:db8:77", b"marked-browser", b"marked-cookie", b"marked-visitor", b"marked-event"]
BODIES = [
    '{"item":"a"}',
    '{"item":"a","visitor":"marked-visitor","id":"marked-event"}',
    '[{"item":"a"},{"item":"","visitor":"marked-visitor"}]',
    '{"item":[3],"visitor":"marked-visitor"}',
    "not json",
]


def read(client: httpx2.Client) -> set[int]:
    """Send what readers and the ill-mannered send, from two addresses; the statuses."""
    statuses = set()
    for address in ADDRESSES:
        headers = {
            "user-agent": AGENT, "x-forwarded-for": address, "cookie": "session=marked-cookie",
            "referer": "https://www.example.id/?session=marked-cookie",
        }  # fmt: skip
        for body in BODIES:
            statuses.add(client.post("/v1/events", content=body, headers=headers).status_code)
            statuses.add(
                client.post("/v1/events?results=1", content=body, headers={**headers, "sec-gpc": "1"}).status_code
            )
        statuses.add(client.get("/v1/pixel.gif?item=a&visitor=marked-visitor", headers=headers).status_code)
        statuses.add(client.get("/v1/lists/populer", headers=headers).status_code)
    return statuses


def finds(*places: Path) -> list[str]:
    """Files that hold a mark."""
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place]) if file.is_file()]
    assert files
    return [f"{mark!r} in {file}" for file in files for mark in MARKS if mark in file.read_bytes()]


def test_no_address_agent_cookie_or_visitor_is_written(tmp_path: Path) -> None:
    file = tmp_path / "populer.toml"
    with EmbeddedValkey(tmp_path / "store") as valkey:
        file.write_text(f'[redis]\nurl = "{valkey.url}"\n[ingest]\nspool_after = "50ms"\n')
        with (
            serving(tmp_path / "data", "--config", str(file)) as service,
            httpx2.Client(base_url=service.url) as client,
        ):
            assert read(client) == {200, 202, 400, 422}
            assert valkey.pid is not None
            os.kill(valkey.pid, signal.SIGKILL)
            wait_until(lambda: not valkey.alive())
            assert 202 in read(client)
            assert int(client.get("/readyz").json()["spooled_events"]) > 0
            spools = [path for path in (tmp_path / "data").rglob("*") if path.suffix == ".spool"]
            assert spools
            assert finds(tmp_path / "data", tmp_path / "store", service.log) == []
            told = client.get("/metrics").content
            assert b"accepted" in told
            assert not [mark for mark in MARKS if mark in told]
            valkey.ensure()
            wait_until(lambda: int(client.get("/readyz").json()["spooled_events"]) == 0)
    assert any(b"view|a" in path.read_bytes() for path in (tmp_path / "store").rglob("*.aof"))
    assert finds(tmp_path / "data", tmp_path / "store", service.log) == []
