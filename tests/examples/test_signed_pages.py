"""Each example signs a page: a service that takes signed views alone counts the view, once."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from newsrooms import EXAMPLES, Page
from service import Service, serving

ITEM, KEY = "berita é 1", "page-key-of-the-koran"
SETTINGS = f"""
[ingest]
bots = false
[[sites]]
id = "koran"
proof = "required"
keys = {{ page = "{KEY}" }}
"""


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that leaves out what is not signed."""
    folder = tmp_path_factory.mktemp("tokens")
    config = folder / "populer.toml"
    config.write_text(SETTINGS)
    with serving(folder / "data", "--config", str(config)) as running:
        yield running


def ran(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def sent(service: Service, **event: str) -> dict[str, Any]:
    answer = httpx2.post(f"{service.url}/v1/events", json={"item": ITEM, **event})
    found: dict[str, Any] = answer.json()
    return found


def takes_once(service: Service, token: str) -> bool:
    first, again = (sent(service, token=token, visitor=f"{number} {token}") for number in range(2))
    return (first["accepted"], again["accepted"], again["duplicate"]) == (1, 0, 1)


def test_what_is_not_signed_is_left_out(signing: Service) -> None:
    assert sent(signing)["filtered"] == {"proof": 1}
    assert sent(signing, token="1.0123456789abcdef.AAAAAAAAAAAAAAAAAAAAAA")["filtered"] == {"proof": 1}


def test_plain_php_signs(php: str, signing: Service) -> None:
    code = f"require {str(EXAMPLES / 'php' / 'populer-token.php')!r}; echo populer_token({ITEM!r}, {KEY!r});"
    assert takes_once(signing, ran(php, "-r", code))


def test_wordpress_signs_the_script_of_an_article_alone(php: str, signing: Service) -> None:
    includes = EXAMPLES / "wordpress" / "populer" / "includes"
    stubs = f"""
        define('ABSPATH', '/');
        function populer_post_types() {{ return ['post']; }}
        function populer_setting() {{ return ''; }}
        function is_singular() {{ return $GLOBALS['open'] !== ''; }}
        function is_preview() {{ return false; }}
        function esc_url_raw($url) {{ return $url; }}
        function get_queried_object_id() {{ return $GLOBALS['open']; }}
        function wp_print_script_tag($said) {{ echo json_encode($said), "\\n"; }}
        define('POPULER_PAGE_KEY', {KEY!r});
        require {str(includes / "script.php")!r};
        foreach ([{ITEM!r}, ''] as $open) {{ populer_script(); }}
    """
    article, front = (json.loads(line) for line in ran(php, "-r", stubs).splitlines())
    assert article["data-item"] == ITEM
    assert takes_once(signing, article["data-token"])
    assert "data-token" not in front


def test_laravel_signs_the_script_of_an_article_alone(php: str, signing: Service) -> None:
    stubs = EXAMPLES.parent / "tests" / "examples" / "laravel_stubs.php"
    env = {
        "POPULER_TEST_URL": signing.url,
        "POPULER_TEST_FOLDER": str(EXAMPLES / "laravel"),
        "POPULER_TEST_PAGE_KEY": KEY,
    }
    asked = "".join(json.dumps({"script": {"item": item}}) + "\n" for item in (ITEM, ""))
    made = subprocess.run(
        [php, str(stubs)], input=asked, capture_output=True, text=True, check=True, env=env, timeout=60
    )
    article, front = (Page(json.loads(line)["html"]).of("script")[0] for line in made.stdout.splitlines())
    assert takes_once(signing, str(article["data-token"]))
    assert front["data-token"] == ""


def test_node_signs(signing: Service) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node here: make test-examples")
    file = (EXAMPLES / "react" / "populer-token.mjs").as_uri()
    code = f"import {{ pageToken }} from {file!r}; process.stdout.write(pageToken({ITEM!r}, {KEY!r}));"
    assert takes_once(signing, ran(node, "--input-type=module", "-e", code))


def test_django_signs_the_script_of_an_article_alone(signing: Service) -> None:
    pytest.importorskip("django", reason="there is no Django here: make test-examples")
    code = f"""
from django.conf import settings
settings.configure(POPULER_URL="https://populer.example", POPULER_PAGE_KEY={KEY!r})
from populer_django.templatetags.populer import populer_script
print(populer_script({ITEM!r}))
print(populer_script())
"""
    env = {"PYTHONPATH": str(EXAMPLES / "django"), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, env=env, timeout=60)
    article, front = (Page(line).of("script")[0] for line in made.stdout.splitlines())
    assert takes_once(signing, str(article["data-token"]))
    assert "data-token" not in front
