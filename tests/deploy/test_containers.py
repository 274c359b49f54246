"""The Dockerfile and docker-compose.yml: what their own tools say of them, and settings that the service takes."""

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from populer.config import load

compose_spec = pytest.importorskip("compose_spec", reason="no compose-spec here: make test-examples")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
HADOLINT = Path(sysconfig.get_path("scripts"), "hadolint")


def test_dockerfile_is_one_that_hadolint_says_nothing_of() -> None:
    if not HADOLINT.exists():
        pytest.skip("no hadolint here: make test-examples")
    done = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_file_has_nothing_that_compose_does_not_know() -> None:
    options = compose_spec.PyOptions()
    options.apply_merge = True
    found = options.from_yaml(COMPOSE)
    found.validate()
    assert {"populer", "valkey", "prometheus"} <= set(found.service_names())
    with pytest.raises(ValueError, match="stop_grace"):
        options.from_yaml(COMPOSE.replace("stop_grace_period", "stop_grace_time"))


def test_services_are_hardened_and_their_volumes_and_settings_known() -> None:
    document: dict[str, Any] = yaml.safe_load(COMPOSE)
    for service in document["services"].values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        named = [volume.partition(":")[0] for volume in service["volumes"]]
        assert {name for name in named if not name.startswith(".")} <= set(document["volumes"])
    environ = document["services"]["populer"]["environment"]
    environ = {name: re.sub(r"\$\{\w+:-(\w+)\}", r"\1", value) for name, value in environ.items()}
    settings = load(Path("/dev/null"), environ).settings
    assert settings.redis.url == "redis://:populer@valkey:6379/0"
    assert (settings.service.drain_s, settings.service.log_format) == (2.0, "json")
