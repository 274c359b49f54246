"""A class name stands for one thing in all packages."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("ranking", "api", "jobs", "populer")


def test_class_names_are_unique_across_the_packages() -> None:
    files = defaultdict[str, list[str]](list)
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    files[node.name].append(str(file.relative_to(ROOT)))
    assert len(files) > 300, "the packages were read"
    assert {name: where for name, where in files.items() if len(where) > 1} == {}
