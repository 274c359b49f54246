"""A running service for each example. Each test skips, with a word, where what the example runs in is not there."""

import shutil
from collections.abc import Iterator

import pytest
import wordpress_site
from newsrooms import publish
from service import Service, serving

SETTINGS = """
[service]
host = "127.0.0.1"
[ingest]
bots = false
dedupe_window = "0s"
network_allowance = 0
[refresh]
every = "500ms"
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("examples")
    config = folder / "populer.toml"
    config.write_text(SETTINGS)
    with serving(folder / "data", "--config", str(config)) as running:
        publish(running)
        yield running


@pytest.fixture(scope="session")
def php() -> str:
    found = shutil.which("php")
    if not found:
        pytest.skip("there is no PHP here: apt-get install php-cli, or make test-examples")
    return found


@pytest.fixture(scope="session")
def _wordpress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[wordpress_site.Site]:
    wordpress_site.skip_without()
    with wordpress_site.installed(tmp_path_factory.mktemp("wordpress")) as site:
        yield site


@pytest.fixture
def bare_site(_wordpress: wordpress_site.Site) -> Iterator[wordpress_site.Site]:
    """A WordPress with the plugin, and nothing set; PHP must have had nothing to complain of in the plugin."""
    _wordpress.settings()
    yield _wordpress
    assert [line for line in _wordpress.faults().splitlines() if "plugins/populer" in line] == []


@pytest.fixture
def site(bare_site: wordpress_site.Site, service: Service) -> wordpress_site.Site:
    """A WordPress whose plugin describes to the running service."""
    bare_site.settings(url=service.url, key=service.write_key)
    return bare_site
