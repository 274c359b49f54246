"""`make release`: what it refuses, and that what it builds runs where nothing else of the project is."""

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

sys.path.append(str(Path(__file__).parent / "populer"))

from ports import free_ports
from service import environment, serving, started

ROOT = Path(__file__).parents[1]
GIT = ("git", "-c", "user.name=T", "-c", "user.email=t@example.id", "-c", "commit.gpgsign=false")
HEADING = re.compile(r"^## .*", re.M)

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="no checkout, as in an sdist"
)


def git(tree: Path, *arguments: str) -> str:
    return subprocess.run([*GIT, *arguments], cwd=tree, check=True, capture_output=True, text=True).stdout


def release(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, tree / ".ci" / "release.py"]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, env=environment())


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit of what is here, with a day in the changelog."""
    tree = tmp_path_factory.mktemp("tree") / "populer"
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    changelog = tree / "CHANGELOG.md"
    changelog.write_text(HEADING.sub("## 0.1.0 (2026-11-30)", changelog.read_text(), count=1))
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "Release 0.1.0")
    return tree


@pytest.fixture
def own_tree(tree: Path, tmp_path: Path) -> Path:
    """A copy for a test that spoils it."""
    return Path(shutil.copytree(tree, tmp_path / "populer"))


def headed(heading: str) -> Callable[[Path], None]:
    """Have the changelog begin with `heading`."""

    def spoil(tree: Path) -> None:
        changelog = tree / "CHANGELOG.md"
        changelog.write_text(HEADING.sub(heading, changelog.read_text(), count=1))
        git(tree, "commit", "--quiet", "--all", "--message", "Change the heading")

    return spoil


def tag_another(tree: Path) -> None:
    git(tree, "tag", "v0.1.0")
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "Go on")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda tree: (tree / "notes.txt").write_text("x"), "the tree has changes: commit them"),
        (headed("## 0.1.0 (unreleased)"), "says of 0.1.0 that it is unreleased: write the date there"),
        (headed("## 0.2.0 (2026-12-01)"), "begins with 0.2.0, and populer --version says 0.1.0"),
        (headed("## 0.1.0 (2026-12-01)\n\n## 0.0.9 (2026-11-01)"), "says nothing of 0.1.0"),
        (lambda tree: git(tree, "tag", "v9"), "the tag here is v9, and the version 0.1.0"),
        (tag_another, "v0.1.0 is another commit"),
    ],
    ids=["changes", "no date", "another version", "nothing said", "another tag", "tag elsewhere"],
)
def test_release_is_refused_with_a_sentence(spoil: Callable[[Path], object], sentence: str, own_tree: Path) -> None:
    spoil(own_tree)
    done = release(own_tree)
    assert (done.returncode, sentence in done.stderr) == (1, True), done.stderr
    assert not (own_tree / "dist").exists()


def test_release_builds_what_runs_in_an_environment_of_its_own(tree: Path, tmp_path: Path) -> None:
    done = release(tree)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^[0-9a-f]{64}  dist/populer-0\.1\.0\S+$", done.stdout, re.M)) == 2
    assert "git tag --annotate v0.1.0" in done.stdout
    with tarfile.open(tree / "dist" / "populer-0.1.0.tar.gz") as sdist:
        assert {"populer-0.1.0/Makefile", "populer-0.1.0/tests/test_release.py"} <= set(sdist.getnames())

    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()
    venv.create(home)
    python = home / "bin" / "python"
    wheel = tree / "dist" / "populer-0.1.0-py3-none-any.whl"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", wheel]
    subprocess.run(pip, check=True, capture_output=True)
    # What it needs is lent by the environment of the tests; a path in a .pth has its own .pth files unread.
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))

    def populer(*arguments: str) -> str:
        command = [home / "bin" / "populer", *arguments]
        return subprocess.run(command, cwd=work, check=True, capture_output=True, text=True, env=environment()).stdout

    assert populer("--version") == "populer 0.1.0\n"
    said = populer("init")
    assert f"Every setting with its default: {home.resolve()}/share/populer/populer.example.toml" in said
    for file in ("populer.example.toml", "deploy/systemd/populer.service", "deploy/prometheus/populer.rules.yml"):
        assert (home / "share" / "populer" / file).is_file()
    populer("config", "check", "populer.toml")
    with serving(work / "data", command=[str(home / "bin" / "populer")], cwd=work) as service, service.client() as http:
        assert http.get("/v1/lists/populer").status_code == 200
        assert [http.get(path).status_code for path in ("/", "/ops", "/populer.js", "/docs")] == [200] * 4
    command = [str(home / "bin" / "populer"), "demo", "--port", str(free_ports(1)[0])]
    with started(command, cwd=work, env=environment()) as lines:
        url = next(line for line in lines if line.startswith("ready ")).split()[1]
        assert "<populer-list" in httpx2.get(url, trust_env=False, timeout=30, follow_redirects=True).text
