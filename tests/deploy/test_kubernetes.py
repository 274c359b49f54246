"""The manifests of deploy/kubernetes: what Kubernetes takes, and settings that the service takes."""

import io
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ranking.settings.service import Settings

validate = pytest.importorskip("kubernetes_validate", reason="no kubernetes-validate here: make test-examples")
yaml = pytest.importorskip("yaml")

MANIFESTS = Path(__file__).parents[2] / "deploy" / "kubernetes" / "populer.yaml"


@pytest.fixture
def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(io.StringIO(MANIFESTS.read_text())))


def test_every_manifest_is_one_that_kubernetes_takes(documents: list[dict[str, Any]]) -> None:
    assert {each["kind"] for each in documents} >= {"Service", "StatefulSet", "Deployment", "ConfigMap"}
    for each in documents:
        validate.validate(each, "1.30", strict=True)


def test_settings_in_it_are_settings(documents: list[dict[str, Any]]) -> None:
    (config,) = (each for each in documents if each["kind"] == "ConfigMap")
    settings = Settings.model_validate(tomllib.loads(config["data"]["populer.toml"]))
    assert settings.sites[0].id == "default"
    assert settings.service.drain_s == 5
