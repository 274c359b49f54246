"""Access logs of other forms than the combined one are read as the same views, packed or not."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from populer.log_files.files import Reading, read_events
from populer.log_files.page_requests import PageRules, visitor_key
from populer.log_files.rows import EventRow

TS = 1764530940.0
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PLUS, PERCENT = AGENT.replace(" ", "+"), AGENT.replace(" ", "%2520")
CASES = Path(__file__).parents[4] / "shared" / "cases" / "ingest" / "logs"


class Named:
    """Takes whoever says so for a robot, and whoever says nothing."""

    def reason(self, user_agent: bytes | None) -> str | None:
        return "robot" if user_agent is None or b"bot" in user_agent else None


RULES = PageRules(base="https://news.example", robots=Named(), key=visitor_key("key"))
NGINX = {
    "time_iso8601": "2025-12-01T02:29:00+07:00", "remote_addr": "203.0.113.7",
    "request": "GET /a?utm_source=x HTTP/1.1", "status": "200", "http_user_agent": AGENT, "host": "www.news.example",
}  # fmt: skip
CADDY = {
    "level": "info", "ts": TS, "logger": "http.log.access", "status": 200,
    "request": {
        "remote_ip": "10.0.0.1", "client_ip": "203.0.113.7", "method": "GET", "host": "news.example", "uri": "/a",
        "headers": {"User-Agent": [AGENT]},
    },
}  # fmt: skip
TRAEFIK = {
    "ClientHost": "203.0.113.7", "DownstreamStatus": 200, "RequestHost": "news.example", "RequestMethod": "GET",
    "RequestPath": "/a", "StartUTC": "2025-11-30T19:29:00Z", "request_User-Agent": AGENT,
}  # fmt: skip
IIS = f"""#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status
2025-11-30 19:29:00 10.0.0.2 GET /a utm_source=x 443 - 203.0.113.7 {PLUS} - 200
"""
CLOUDFRONT = f"""#Version: 1.0
#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(User-Agent) x-host-header
2025-11-30\t19:29:00\tCGK50\t512\t203.0.113.7\tGET\td1.cloudfront.net\t/a\t200\t{PERCENT}\tnews.example
"""
ALB = (
    "https 2025-11-30T19:29:00.000000Z app/web/50dc6c495c0c9188 203.0.113.7:2817 10.0.0.1:80 0.000 0.001 0.000"
    " 200 200 34 366"
    f' "GET https://news.example:443/a HTTP/1.1" "{AGENT}" ECDHE-RSA TLSv1.2 arn:aws "Root=1-5" "news.example" "-" 0\n'
)
LOGS = {
    "access log in JSON": [json.dumps(each) + "\n" for each in (NGINX, CADDY, TRAEFIK)],
    "W3C access log": [IIS, CLOUDFRONT],
    "access log of an AWS load balancer": [ALB],
}


def read(path: Path) -> tuple[list[EventRow], Reading]:
    reading = Reading()
    return [event for _, event in read_events(path, None, reading, RULES)], reading


@pytest.mark.parametrize(("format", "text"), [(name, text) for name, texts in LOGS.items() for text in texts])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_a_view_is_the_same_in_every_form_of_log(
    tmp_path: Path, format: str, text: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(pack(text.encode()))
    [event], reading = read(path)
    assert (event.item, event.ts, reading.format) == ("news.example/a", TS, format)
    path.write_text(json.dumps(NGINX))
    assert read(path)[0][0].visitor == event.visitor is not None


def test_a_robot_and_a_missing_page_are_left_out_of_every_form(tmp_path: Path) -> None:
    for text in (json.dumps(NGINX), json.dumps(CADDY), json.dumps(TRAEFIK), IIS, CLOUDFRONT, ALB):
        for was, now, why in (("Gecko/20100101", "bot", "robot"), ("200", "404", "status"), ("GET", "POST", "method")):
            path = tmp_path / "access.log"
            path.write_text(text.replace(was, now))
            found, reading = read(path)
            assert found == []
            assert reading.left_out.keys() - {"blank"} == {why}


def test_json_without_user_agents_has_views_of_nobody_in_particular(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(json.dumps({name: value for name, value in TRAEFIK.items() if name != "request_User-Agent"}))
    assert read(path)[0] == [EventRow("news.example/a", TS)]


def test_events_of_ndjson_are_no_access_log(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    path.write_text('{"item":"a","ts":1,"url":"https://news.example/a"}\n')
    assert [(event.item, event.ts) for event in read(path)[0]] == [("a", 1.0)]


@pytest.mark.parametrize(
    "name", ["xff_first", "xff_first3", "xff_mixed", "xff_unknown", "vhost", "host_last", "nginx_json", "caddy"]
)
def test_logs_that_others_reported_have_one_item_of_six_views(name: str) -> None:
    path = CASES / f"{name}.log"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    assert [event.item for event in read(path)[0]] == [f"news.example/berita/{name}"] * 6
