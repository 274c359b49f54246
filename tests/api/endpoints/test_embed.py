"""`/populer.js`, under its two names: small, cacheable, and loadable by every page."""

import base64
import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path

import pytest
from servers import Service

from api.endpoints.embed import ELEMENT, LOADER, TRACKER, bundle, declarations, element, script, tracker
from api.http.assets import Asset

Serve = Callable[..., Awaitable[Service]]
BROTLI, GZIP, PLAIN = ({"accept-encoding": each} for each in ("gzip, deflate, br", "gzip, deflate", "identity"))
CODINGS = {"gzip, deflate, br": "br", "gzip, deflate": "gzip", "identity": None}
IMMUTABLE = f"/populer.{bundle().name}.js"
ELEMENT_PATH = f"/populer-list.{element().name}.js"


@pytest.mark.parametrize(
    ("asset", "most"), [(tracker(), 2252), (script(), 2700), (element(), 4700), (bundle(), 6950), (tracker(True), 2340)]
)
def test_scripts_are_small_as_gzip(asset: Asset, most: int) -> None:
    assert len(asset.body("gzip")) <= most
    assert gzip.decompress(asset.body("gzip")) == asset.content


@pytest.mark.parametrize(("source", "asset"), [(TRACKER, tracker()), (ELEMENT, element())])
def test_script_is_the_source_without_comments_and_white_space(source: Path, asset: Asset) -> None:
    code = [line for line in source.read_text().splitlines() if not line.lstrip().startswith("//")]
    served = asset.content.decode()
    assert "".join(served.split()) == "".join("".join(code).split())
    assert len(served) < 0.8 * source.stat().st_size
    quoted = re.compile(r'"[^"\n]*"|`[^`]*`')
    assert quoted.findall(served) == quoted.findall("".join(f"{line}\n" for line in code))


def test_the_script_loads_the_element_by_its_hash_and_the_pinned_one_has_it_inside() -> None:
    imported = re.compile(r"import\(")
    assert LOADER.read_text().count("import(") == 1
    assert f'"populer-list.{element().name}.js"' in script().content.decode()
    assert not imported.search(tracker().content.decode())
    assert not imported.search(bundle().content.decode())
    assert "export default" not in bundle().content.decode()


@pytest.mark.parametrize(
    ("path", "asset", "cache_control"),
    [
        ("/populer.js", script(), "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"),
        ("/populer-track.js", tracker(), "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"),
        ("/populer-list.js", element(), "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"),
        (ELEMENT_PATH, element(), "public, max-age=31536000, immutable"),
        (IMMUTABLE, bundle(), "public, max-age=31536000, immutable"),
    ],
)
@pytest.mark.parametrize("accepted", [BROTLI, GZIP, PLAIN])
async def test_every_page_may_load_and_keep_it(
    service: Service, path: str, asset: Asset, cache_control: str, accepted: dict[str, str]
) -> None:
    answer = await service.http.get(path, headers=accepted)
    assert answer.status_code == 200
    assert answer.content == asset.content  # unpacked by the client
    coding = CODINGS[accepted["accept-encoding"]]
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["content-length"] == str(len(asset.body(coding or "")))
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == cache_control
    assert answer.headers["vary"] == "accept-encoding"
    head = await service.http.head(path, headers=accepted)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("accepted", [BROTLI, GZIP, PLAIN])
async def test_who_has_it_is_told_so(service: Service, accepted: dict[str, str]) -> None:
    tag = (await service.http.get("/populer.js", headers=accepted)).headers["etag"]
    for given in (tag, f'"other", {tag}'):
        again = await service.http.get("/populer.js", headers={**accepted, "if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"].startswith("public, max-age=3600")
    other = await service.http.get("/populer.js", headers={**accepted, "if-none-match": '"other"'})
    assert other.status_code == 200


async def test_script_has_an_etag_per_coding(service: Service) -> None:
    tags = {(await service.http.get("/populer.js", headers=each)).headers["etag"] for each in (BROTLI, GZIP, PLAIN)}
    assert len(tags) == 3


@pytest.mark.parametrize("name", ["populer", "populer-list"])
async def test_a_page_that_names_another_version_gets_the_current_one_and_nobody_keeps_that(
    service: Service, name: str
) -> None:
    answer = await service.http.get(f"/{name}.0123456789abcdef.js")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{name}.js")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_types_name_each_attribute_that_the_element_observes(service: Service) -> None:
    answer = await service.http.get("/populer-list.d.ts")
    assert (answer.status_code, answer.content) == (200, declarations().content)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"].startswith("public, max-age=3600")
    observed = re.search(r'return "([^"]+)"\.split', LOADER.read_text())
    attributes = re.search(r"interface PopulerListAttributes \{(.+?)^\}", answer.text, re.DOTALL | re.MULTILINE)
    assert observed
    assert attributes
    assert set(re.findall(r'^  "?([\w-]+)"?\?:', attributes[1], re.MULTILINE)) == set(observed[1].split())


async def test_it_says_what_to_paste(service: Service) -> None:
    found = (await service.http.get("/populer.js.json")).json()
    assert found["url"] == "http://populer/populer.js"
    assert found["immutable_url"] == f"http://populer{IMMUTABLE}"
    served = (await service.http.get(found["immutable_url"])).content
    assert found["integrity"] == "sha384-" + base64.b64encode(hashlib.sha384(served).digest()).decode()
    assert (found["bytes"], found["gzip_bytes"]) == (len(served), len(bundle().body("gzip")))
    tag, lists = found["html"]
    assert tag == '<script async src="http://populer/populer.js" data-item="ID"></script>'
    assert lists == '<populer-list list="populer"></populer-list>'
    assert f'src="{found["immutable_url"]}" integrity="{found["integrity"]}" crossorigin ' in found["pinned_html"][0]


async def test_what_to_paste_names_the_address_that_was_asked(service: Service) -> None:
    asked = {"host": 'news.example"><b>', "x-forwarded-proto": "https"}
    answer = await service.http.get("/populer.js.json", headers=asked)
    assert answer.headers["cache-control"] == "no-store"
    assert escape('https://news.example"><b>/populer.js') in answer.json()["html"][0]


async def test_script_tells_where_a_visit_begins_only_where_a_site_wants_that(serve: Serve) -> None:
    quiet, telling = await serve(), await serve(sites=[{"id": "koran"}, {"id": "bola", "referrers": True}])
    for path, plain, more in (("/populer.js", script(), script(True)), ("/populer-track.js", tracker(), tracker(True))):
        assert (await quiet.http.get(path, headers=PLAIN)).content == plain.content
        assert (await telling.http.get(path, headers=PLAIN)).content == more.content
        assert b"document.referrer" not in plain.content
        assert b"document.referrer" in more.content
        assert b"record(begun(event))" in more.content
    for each in (bundle(), bundle(True)):
        for service in (quiet, telling):
            assert (await service.http.get(f"/populer.{each.name}.js", headers=PLAIN)).content == each.content
    said = (await telling.http.get("/populer.js.json")).json()
    assert said["immutable_url"].endswith(f"/populer.{bundle(True).name}.js")
