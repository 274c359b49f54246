"""What is installed is pinned, with hashes, and is all that the project says it needs."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]


def locked(*parts: str) -> list[str]:
    """The requirements of some parts, a line each with its hashes."""
    done = subprocess.run([ROOT / ".ci" / "locked", *parts], capture_output=True, text=True, check=True)
    return done.stdout.replace(" \\\n", " ").splitlines()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", each)[0].lower().replace("_", "-").replace(".", "-") for each in requirements}


@pytest.mark.parametrize("part", ["run", "build", *EXTRAS])
def test_every_package_has_one_version_and_hashes(part: str) -> None:
    for line in locked(part):
        assert re.fullmatch(r"[a-z0-9-]+==[^ ]+( ; [^-]+?)?( +--hash=sha256:[0-9a-f]{64})+", line), line


def test_every_dependency_is_in_its_part_and_none_is_twice() -> None:
    run = locked("run")
    assert names(PROJECT["project"]["dependencies"]) <= names(run)
    assert names(PROJECT["build-system"]["requires"]) <= names(locked("build"))
    for extra, needed in EXTRAS.items():
        assert names(needed) <= names(locked("run", "build", "dev", extra))
    every = [line.partition(" --hash")[0] for line in locked("run", "build", *EXTRAS)]
    assert len({(*names([line]), line.partition(";")[2]) for line in every}) == len(every)


def test_no_part_names_an_address() -> None:
    assert "://" not in (ROOT / "constraints.txt").read_text()
