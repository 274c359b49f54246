"""The newsroom's page as it is served: small, one words file for each language, all of them complete."""

import gzip
import re
from collections.abc import Awaitable, Callable

import pytest
from servers import Service

from api.endpoints.ops_page import FILES, FOLDER
from api.serving.phrases import WORDS

Serve = Callable[..., Awaitable[Service]]
FIRST_ANSWER = 100_000
KEY_LINE = re.compile(r'^  "([^"]+)": "(.*)",$', re.MULTILINE)
SCRIPTS = sorted(file for file in FOLDER.glob("*.js") if not file.name.startswith("words-"))


def words(language: str) -> dict[str, str]:
    return dict(KEY_LINE.findall((FOLDER / f"words-{language}.js").read_text()))


async def test_first_answer_is_under_100_kb_in_every_language(service: Service) -> None:
    page = len(gzip.compress((await service.http.get("/ops")).content))
    sizes = {name: len(asset.body("gzip")) for name, asset in FILES.assets.items()}
    of_words = [size for name, size in sizes.items() if name.startswith("words-")]
    assert len(of_words) == len(WORDS)
    assert page + sum(sizes.values()) - sum(of_words) + max(of_words) < FIRST_ANSWER


@pytest.mark.parametrize("language", [each for each in WORDS if each != "en"])
def test_languages_have_the_same_words_with_the_same_values(language: str) -> None:
    english, other = words("en"), words(language)
    assert list(other) == list(english)
    values = {name: set(re.findall(r"\{\w+\}", text)) for name, text in english.items()}
    assert {name: set(re.findall(r"\{\w+\}", text)) for name, text in other.items()} == values
    assert [name for name, text in other.items() if not text.strip()] == []


def test_every_word_that_is_asked_for_is_there_and_every_word_is_asked_for() -> None:
    scripts = "".join(file.read_text() for file in SCRIPTS)
    page = (FOLDER / "page.html").read_text()
    known = words("en")
    asked = set(re.findall(r'\bt\(\s*"([^"]+)"', scripts)) | set(
        re.findall(r'data-(?:word|label|hint)="([^"]+)"', page)
    )
    assert asked - set(known) == set()
    groups = set(re.findall(r"`([a-z-]+)\.\$\{", scripts)) | set(re.findall(r'named\("([a-z]+)"', scripts))
    named = {name for name in known if name.partition(".")[0] in groups}
    quoted = {name for name in known if f'"{name}"' in scripts}
    assert set(known) - asked - named - quoted == set()


def test_scripts_are_small() -> None:
    assert [file.name for file in SCRIPTS if len(file.read_text().splitlines()) > 250] == []


@pytest.mark.parametrize(
    ("locale", "asked", "language"), [("ms-MY", "", "ms"), ("fr", "", "en"), ("id", "en-GB", "en"), ("id", "", "id")]
)
async def test_page_is_in_the_sites_language_unless_another_is_asked_for(
    serve: Serve, locale: str, asked: str, language: str
) -> None:
    service = await serve(sites=[{"id": "koran", "locale": locale}])
    page = await service.http.get("/ops", params={"lang": asked} if asked else {})
    assert f'<html lang="{language}">' in page.text
    assert f"words-{language}.js" in page.text
