"""Access logs that are not in the combined format: JSON (nginx, Caddy, Traefik), W3C (IIS, CloudFront) and AWS ALB.

Each `…_parser` gives a function that makes a request of a line, or says why it is none, as `access_log.page_views`
wants it. Fields of JSON go by the names that these servers, and those who write a `log_format` for nginx, give them.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from populer.log_files.access_log import BLANK, Parse, time_of_stamp
from populer.log_files.page_requests import LoggedRequest
from ranking.times import in_seconds, moment_or_wall_clock

REQUEST = ("request", "request_line")
TARGET = ("request_uri", "uri", "RequestPath", "path", "url", "request_path")
METHOD = ("request_method", "method", "RequestMethod", "verb")
STATUS = ("status", "DownstreamStatus", "OriginStatus", "status_code", "response_status", "code")
SITE = ("http_host", "host", "vhost", "RequestHost", "server_name", "domain")
AGENT = ("http_user_agent", "user_agent", "userAgent", "agent", "request_User-Agent", "ua")
ADDRESS = (
    "http_x_forwarded_for", "x_forwarded_for", "request_X-Forwarded-For", "client_ip", "remote_addr", "remote_ip",
    "ClientHost", "clientip", "client", "ip",
)  # fmt: skip
TIME = (
    "time_iso8601", "time_local", "msec", "@timestamp", "timestamp", "StartUTC", "time", "ts", "datetime", "start_time",
)  # fmt: skip

ALB = re.compile(
    rb"(?:(?:https?|h2|grpcs|wss?) )?(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z) \S+ (?P<client>\S+):\d+ \S+(?: -?[\d.]+){3}"
    rb' (?P<status>\d{3}|-) \S+ \d+ \d+ "(?P<request>[^"]*)" "(?P<agent>[^"]*)"'
)
ABSOLUTE_REQUEST = re.compile(rb"(\S+) [a-z]+://([^/ ?]+)(\S*) (\S+)")

#: Fields of W3C logs by what they hold, the preferred one first.
W3C_SITE = ("x-host-header", "cs(Host)", "cs-host", "s-computername")
W3C_ADDRESS = ("x-forwarded-for", "X-Forwarded-For", "cs(X-Forwarded-For)", "c-ip")


def looks_json(first: bytes) -> bool:
    """Whether a line of JSON is an access log's."""
    try:
        found = msgspec.json.decode(first)
    except msgspec.DecodeError:
        return False
    if not isinstance(found, dict):
        return False
    asked = found.get("request")
    if isinstance(asked, dict):
        return "uri" in asked
    if isinstance(asked, str):
        return _first(found, STATUS) is not None or " HTTP/" in asked
    return _first(found, STATUS) is not None and _first(found, TARGET) is not None


def looks_w3c(first: bytes) -> bool:
    """Whether a file starts as a W3C log does."""
    return first.startswith((b"#Software:", b"#Version:", b"#Fields:", b"#Date:"))


def looks_alb(first: bytes) -> bool:
    """Whether a line is one of an AWS load balancer's."""
    return ALB.match(first) is not None


def json_parser() -> Parse:
    """Reads lines of JSON."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode

    def parse(line: bytes) -> LoggedRequest | str:
        if not line.strip():
            return BLANK
        try:
            found = decode(line)
        except msgspec.DecodeError:
            raise ValueError("is no JSON object") from None
        asked = found.get("request")
        if isinstance(asked, dict):  # Caddy
            headers = asked.get("headers")
            found = {**found, **asked, "agent": _header(headers, "User-Agent")}
            agent_logged = isinstance(headers, dict)
        else:
            agent_logged = any(name in found for name in AGENT)
        request = _first(found, REQUEST)
        if not isinstance(request, str):
            request = f"{_first(found, METHOD) or 'GET'} {_first(found, TARGET) or ''} HTTP/1.1"
        agent = _first(found, AGENT)
        return LoggedRequest(
            _bytes(_first(found, SITE)) or None, _bytes(_first(found, ADDRESS)) or b"-", _time(_first(found, TIME)),
            _bytes(request), _bytes(_first(found, STATUS)), _bytes(agent) or None, agent_logged,
        )  # fmt: skip

    return parse


def w3c_parser() -> Parse:
    """Reads lines under the last `#Fields:` before them. Times are UTC."""
    places: dict[str, int] = {}
    quoted = False

    def parse(line: bytes) -> LoggedRequest | str:
        nonlocal quoted
        if not line.strip():
            return BLANK
        if line.startswith(b"#"):
            if line.startswith(b"#Fields:"):
                names = line.removeprefix(b"#Fields:").decode("latin-1").split()
                places.clear()
                places.update({name: place for place, name in enumerate(names)})
                quoted = "x-edge-location" in places  # CloudFront: percent-encoded, tabs
            return BLANK
        cells = line.split(b"\t") if b"\t" in line else line.split(b" ")
        if not places or len(cells) < len(places):
            raise ValueError("has fewer fields than its #Fields line, or there is none")

        def cell(*names: str) -> bytes:
            for name in names:
                if name in places and cells[places[name]] not in (b"-", b""):
                    return cells[places[name]]
            return b""

        agent = cell("cs(User-Agent)")
        agent = unquote_to_bytes(unquote_to_bytes(agent)) if quoted else agent.replace(b"+", b" ")
        query = cell("cs-uri-query")
        target = cell("cs-uri-stem") + (b"?" + query if query else b"")
        moment = _time(b"T".join((cell("date"), cell("time"))).decode("latin-1") + "Z")
        site = cell(*W3C_SITE[:3])
        return LoggedRequest(
            site or None, unquote_to_bytes(cell(*W3C_ADDRESS)) or b"-", moment,
            b"%b %b HTTP/1.1" % (cell("cs-method") or b"GET", target), cell("sc-status"), agent or None,
            "cs(User-Agent)" in places,
        )  # fmt: skip

    return parse


def alb_parser() -> Parse:
    """Reads lines of AWS load balancers, application and classic."""

    def parse(line: bytes) -> LoggedRequest | str:
        if not line.strip():
            return BLANK
        found = ALB.match(line)
        if found is None:
            raise ValueError("is no line of an AWS load balancer's log")
        request, site = found["request"], None
        if absolute := ABSOLUTE_REQUEST.fullmatch(request):
            method, site, target, protocol = absolute.groups()
            request = b"%b %b %b" % (method, target or b"/", protocol)
        agent = found["agent"]
        moment = _time(found["time"].decode("ascii"))
        return LoggedRequest(site, found["client"], moment, request, found["status"], None if agent == b"-" else agent)

    return parse


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((value for name in names if (value := found.get(name)) not in (None, "", "-")), None)


def _header(headers: Any, name: str) -> str | None:
    values = headers.get(name) if isinstance(headers, dict) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else None


def _bytes(value: Any) -> bytes:
    return b"" if value is None else str(value).encode("utf-8", "surrogatepass")


def _time(value: Any) -> float | str:
    """Raises a ValueError: the value is no time; the sentence does not quote it."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return moment_or_wall_clock(repr(in_seconds(float(value))))
        if isinstance(value, str):
            return time_of_stamp(value.encode()) if value[2:3] == "/" else moment_or_wall_clock(value)
    except ValueError:
        pass
    raise ValueError("its time is none")
