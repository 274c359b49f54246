"""Build what is released: `make release` leaves a wheel and an sdist in dist/, and their digests.

Invariant: whoever checks out the commit builds the same bytes. They are built twice from the commit, in folders of
their own, with its time as theirs (SOURCE_DATE_EPOCH), and compared. Nothing is published or tagged here.
"""

import email.parser
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from packaging.metadata import parse_email

ROOT = Path(__file__).parents[1]
HEADING = re.compile(r"^## (\S+) \((.+)\)$", re.M)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
#: What everybody who installs it gets besides the packages, below share/populer.
SHARED = ("populer.example.toml", "deploy/systemd/populer.service", "deploy/nginx/populer.conf")
NEEDED = ("name", "version", "summary", "description", "license_expression", "license_files", "classifiers", "keywords")


def main() -> None:
    """Check, build twice, compare, and write dist/."""
    require(not git("status", "--porcelain"), "the tree has changes: commit them")
    version = checked_version()
    with tempfile.TemporaryDirectory() as folder:
        first, second = (built(Path(folder, name)) for name in ("first", "second"))
        for path in first:
            same = path.read_bytes() == (second[0].parent / path.name).read_bytes()
            require(same, f"{path.name} differs between two builds: compare them with diffoscope")
        wheel, sdist = sorted(first, key=lambda path: path.suffix != ".whl")
        check_wheel(wheel, version)
        check_sdist(sdist)
        (ROOT / "dist").mkdir(exist_ok=True)
        for path in (wheel, sdist):
            (ROOT / "dist" / path.name).write_bytes(path.read_bytes())
            print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  dist/{path.name}")
    if not git("tag", "--list", f"v{version}"):
        print(f"not tagged yet: git tag --annotate v{version}")


def checked_version() -> str:
    """The version that `populer --version`, the changelog's first heading and the tags agree on."""
    said = subprocess.run(
        [sys.executable, "-m", "populer", "--version"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    version = said.stdout.split()[-1]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    heading = HEADING.search(changelog)
    if heading is None:
        sys.exit("release: CHANGELOG.md has no heading such as '## 1.2.3 (2026-11-30)': write one")
    newest, when = heading.groups()
    require(
        newest == version, f"CHANGELOG.md begins with {newest}, and populer --version says {version}: make them one"
    )
    require(DATE.fullmatch(when) is not None, f"CHANGELOG.md says of {version} that it is {when}: write the date there")
    changes = changelog[heading.end() :].partition("\n## ")[0]
    require("\n- " in changes, f"CHANGELOG.md says nothing of {version}: write what has changed")
    tags = git("tag", "--points-at", "HEAD", "--list", "v*").split()
    require(not tags or f"v{version}" in tags, f"the tag here is {', '.join(tags)}, and the version {version}: move it")
    tagged = git("tag", "--list", f"v{version}")
    require(not tagged or bool(tags), f"v{version} is another commit: take a new version, or check that one out")
    return version


def built(folder: Path) -> list[Path]:
    """The wheel and the sdist of the commit, built in a folder of their own."""
    source, out = folder / "source", folder / "out"
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract"], cwd=source, check=True, input=archive)
    environ = os.environ | {"SOURCE_DATE_EPOCH": git("log", "-1", "--format=%ct")}
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out)]
    subprocess.run(command, cwd=source, check=True, env=environ, stdout=subprocess.DEVNULL)
    return sorted(out.iterdir())


def check_wheel(wheel: Path, version: str) -> None:
    """Require what an index and whoever installs the wheel need of it."""
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        text = content.read(f"populer-{version}.dist-info/METADATA")
    metadata, unknown = parse_email(text)
    missing = [name for name in NEEDED if not metadata.get(name)] + sorted(unknown)
    require(not missing, f"the wheel's metadata is wrong in {', '.join(missing)}: mend [project] in pyproject.toml")
    require(metadata.get("version") == version, f"the wheel is of {metadata.get('version')}, not {version}")
    require(email.parser.BytesParser().parsebytes(text).get("Requires-Python") is not None, "it runs on any Python")
    for file in SHARED:
        there = f"populer-{version}.data/data/share/populer/{file}" in names
        require(there, f"the wheel has no share/populer/{file}: see shared-data in pyproject.toml")


def check_sdist(sdist: Path) -> None:
    """Require every file of the commit in the sdist, so that it can be tested where it is unpacked."""
    with tarfile.open(sdist) as content:
        names = {name.partition("/")[2] for name in content.getnames()}
    missing = sorted(set(git("ls-files").splitlines()) - names)
    require(not missing, f"the sdist lacks {', '.join(missing[:5])}")


def require(condition: bool, otherwise: str) -> None:
    """End with a sentence unless `condition` holds."""
    if not condition:
        sys.exit(f"release: {otherwise}")


def git(*arguments: str) -> str:
    """What git answers."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
