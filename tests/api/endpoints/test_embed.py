"""`/populer.js`, under its two names: small, cacheable, and loadable by every page."""

import base64
import gzip
import hashlib
import re
from html import escape

import pytest
from servers import Service

from api.endpoints.embed import SCRIPT, script, tightened

GZIP, PLAIN = {"accept-encoding": "gzip, deflate, br"}, {"accept-encoding": "identity"}
IMMUTABLE = f"/populer.{script().name}.js"


def test_it_is_at_most_four_kibibytes_as_gzip() -> None:
    assert len(script().packed) <= 4096
    assert gzip.decompress(script().packed) == script().content


def test_what_is_served_is_the_file_but_for_comments_and_blanks() -> None:
    written = "".join(line for line in SCRIPT.read_text().splitlines() if not line.lstrip().startswith("//"))
    served = script().content.decode()
    assert bare(served) == bare(written)
    assert tightened(served) == served


def bare(text: str) -> str:
    return "".join(text.split()).replace(";}", "}")


def test_what_is_quoted_is_left_as_it_is() -> None:
    quoted = re.compile(r'"[^"\n]*"|`[^`]*`')
    assert quoted.findall(script().content.decode()) == quoted.findall(
        "".join(f"{line.strip()}\n" for line in SCRIPT.read_text().splitlines() if not line.lstrip().startswith("//"))
    )


def test_the_one_text_of_several_lines_needs_no_indentation_and_holds_no_comment() -> None:
    texts = SCRIPT.read_text().split("`")[1::2]
    (style,) = [text for text in texts if "\n" in text]
    assert all(not line or line.endswith("}") for line in style.splitlines())
    assert "//" not in style


@pytest.mark.parametrize(
    ("path", "cache_control"),
    [
        ("/populer.js", "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400"),
        (IMMUTABLE, "public, max-age=31536000, immutable"),
    ],
)
@pytest.mark.parametrize("accepted", [GZIP, PLAIN])
async def test_every_page_may_load_and_keep_it(
    service: Service, path: str, cache_control: str, accepted: dict[str, str]
) -> None:
    answer = await service.http.get(path, headers=accepted)
    assert answer.status_code == 200
    assert answer.content == script().content  # unpacked by the client
    packed = accepted is GZIP
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert answer.headers["content-length"] == str(len(script().packed if packed else script().content))
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == cache_control
    assert answer.headers["vary"] == "accept-encoding"
    head = await service.http.head(path, headers=accepted)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("accepted", [GZIP, PLAIN])
async def test_who_has_it_is_told_so(service: Service, accepted: dict[str, str]) -> None:
    tag = (await service.http.get("/populer.js", headers=accepted)).headers["etag"]
    for given in (tag, f'"other", {tag}'):
        again = await service.http.get("/populer.js", headers={**accepted, "if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"].startswith("public, max-age=3600")
    other = await service.http.get("/populer.js", headers={**accepted, "if-none-match": '"other"'})
    assert other.status_code == 200


async def test_the_two_encodings_have_tags_of_their_own(service: Service) -> None:
    packed, plain = [await service.http.get("/populer.js", headers=accepted) for accepted in (GZIP, PLAIN)]
    assert packed.headers["etag"] != plain.headers["etag"]


async def test_a_page_that_names_another_version_gets_the_current_one_and_nobody_keeps_that(service: Service) -> None:
    answer = await service.http.get("/populer.0123456789abcdef.js")
    assert (answer.status_code, answer.headers["location"]) == (307, "populer.js")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_it_says_what_to_paste(service: Service) -> None:
    found = (await service.http.get("/populer.js.json")).json()
    assert found["url"] == "http://populer/populer.js"
    assert found["immutable_url"] == f"http://populer{IMMUTABLE}"
    served = (await service.http.get(found["immutable_url"])).content
    assert found["integrity"] == "sha384-" + base64.b64encode(hashlib.sha384(served).digest()).decode()
    assert (found["bytes"], found["gzip_bytes"]) == (len(served), len(script().packed))
    tag, lists = found["html"]
    assert tag == '<script async src="http://populer/populer.js" data-item="ID"></script>'
    assert lists == '<populer-list list="populer"></populer-list>'
    assert f'src="{found["immutable_url"]}" integrity="{found["integrity"]}" crossorigin ' in found["pinned_html"][0]


async def test_what_to_paste_names_the_address_that_was_asked(service: Service) -> None:
    asked = {"host": 'news.example"><b>', "x-forwarded-proto": "https"}
    answer = await service.http.get("/populer.js.json", headers=asked)
    assert answer.headers["cache-control"] == "no-store"
    assert escape('https://news.example"><b>/populer.js') in answer.json()["html"][0]
