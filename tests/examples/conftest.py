"""A running service for each example. Each test skips, with a word, where what the example runs in is not there."""

import shutil
from collections.abc import Iterator

import pytest
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
