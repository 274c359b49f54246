"""Pin all that is ever installed: `make lock` (ARGS=--upgrade takes the newest versions).

constraints.txt then holds each package once, with the hashes of every file of its release, so that one file will do on
all Pythons and platforms. Its parts are what is installed together (see `.ci/locked`): what several of them need is in
`dev`, unless `run` or `build` has it, and every other part stands on those.

Rejected: a file per part, as versions drift apart.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "constraints.txt"
OLDEST = "3.11"
HEAD = """\
# What is installed, with the hashes of all files of a release. Made by `make lock`; its parts are read by .ci/locked.
"""
NAME = re.compile(r"^([a-z0-9.-]+)==")


def main(*options: str) -> None:
    """Write constraints.txt anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = list(project["project"]["optional-dependencies"])
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        subprocess.run([f"{folder}/bin/pip", "install", "--quiet", "--disable-pip-version-check", "uv"], check=True)
        every, build, pins = Path(folder, "every.txt"), Path(folder, "build.in"), Path(folder, "pins.txt")
        build.write_text("\n".join(project["build-system"]["requires"]))
        every.write_text(LOCK.read_text())  # versions that are pinned stay, unless they are to be upgraded

        def compiled(*arguments: str) -> str:
            """What is to be installed, one `name==version` a line, its hashes below."""
            command = [f"{folder}/bin/uv", "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST]
            command += ["--no-annotate", "--no-header", "--no-emit-index-url", *arguments]
            return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

        whole = ["pyproject.toml", str(build), "--all-extras", "--generate-hashes", "--output-file", str(every)]
        compiled(*whole, *options)
        blocks: dict[str, list[str]] = {}  # of one package several where Pythons or platforms differ
        for block in every.read_text().replace(" \\\n", "\0").splitlines():
            blocks.setdefault(block.partition("==")[0], []).append(block)
        pins.write_text("\n".join(block.partition("\0")[0] for each in blocks.values() for block in each))

        def named(*arguments: str) -> set[str]:
            return {
                found[1] for line in compiled(*arguments, "-c", str(pins)).splitlines() if (found := NAME.match(line))
            }

        parts = {"run": named("pyproject.toml"), "build": named(str(build))}
        parts |= {extra: named("pyproject.toml", "--extra", extra) for extra in extras}
    shared = [name for part in extras for name in parts[part] if part != "dev"]
    parts["dev"] |= {name for name in shared if shared.count(name) > 1}
    text, done = HEAD, set[str]()
    for part, names in parts.items():
        text += f"\n# part: {part}\n"
        for name in sorted(names - done):
            text += "\n".join(blocks[name]).replace("\0", " \\\n") + "\n"
        done |= names
    LOCK.write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
