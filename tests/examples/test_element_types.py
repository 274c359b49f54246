"""`populer-list.d.ts` in TypeScript: right use passes, and wrong use is an error where it is written."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from api.endpoints.embed import DECLARATIONS

FOLDER = Path(__file__).parent / "types"
STRICT = ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
#: A file has right uses, and wrong ones that `@ts-expect-error` holds to be errors; and where its JSX is from.
USES = [("react.tsx", "react"), ("react.tsx", "preact"), ("solid.tsx", "solid-js"), ("svelte.ts", ""), ("vue.ts", "")]


@pytest.fixture(scope="module")
def modules() -> Path:
    """Where npm has put TypeScript and the frameworks."""
    found = Path(os.environ.get("POPULER_NODE_MODULES", "node_modules"))
    if shutil.which("node") is None or not (found / "typescript").is_dir():
        pytest.skip("there is no Node with TypeScript here: make test-examples")
    return found.resolve()


def faults(modules: Path, folder: Path, use: str, *options: str) -> str:
    """What the compiler says of a file beside the declarations."""
    shutil.copy(FOLDER / use, folder)
    shutil.copy(DECLARATIONS, folder)
    compiler = ["node", str(modules / "typescript" / "bin" / "tsc")]
    return subprocess.run(
        [*compiler, *STRICT, *options, use, DECLARATIONS.name],
        cwd=folder, check=False, timeout=120, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize(("use", "source"), USES)
def test_frameworks_know_the_element(modules: Path, tmp_path: Path, use: str, source: str) -> None:
    (tmp_path / "node_modules").symlink_to(modules)
    jsx = ["--jsx", "preserve", "--jsxImportSource", source] if source else []
    assert faults(modules, tmp_path, use, "--skipLibCheck", *jsx) == ""


def test_pages_without_a_framework_know_the_element(modules: Path, tmp_path: Path) -> None:
    assert faults(modules, tmp_path, "plain.ts") == "", "declarations of frameworks that are not there are errors"
