"""Every formula lives once, in a docstring, and its example holds: in every module of the four packages."""

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ("ranking", "api", "jobs", "populer")
MODULES = sorted(
    module.name
    for package in PACKAGES
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_a_module_hold(name: str) -> None:
    assert not doctest.testmod(importlib.import_module(name)).failed


def test_modules_of_every_package_are_found() -> None:
    assert {name.partition(".")[0] for name in MODULES} == set(PACKAGES)
