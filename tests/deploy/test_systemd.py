"""The units of deploy/systemd as systemd reads them: nothing unknown in them, and little that the service could do."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
ANALYZE = shutil.which("systemd-analyze")
#: The program that a unit starts is not installed here.
STARTED = "/opt/populer/bin/populer"
MOST_EXPOSED = 3.0

pytestmark = pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Copies of the units that start a program of this machine."""
    for file in UNITS.iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace(STARTED, sys.executable))
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ANALYZE), *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_units_are_read_without_a_warning(units: Path) -> None:
    done = analyze("verify", "--man=no", str(units / "populer.service"), str(units / "populer.socket"))
    assert (done.returncode, done.stderr) == (0, "")


def test_service_is_exposed_little(units: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", str(units / "populer.service"))
    found = re.search(r"exposure level for populer.service: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) < MOST_EXPOSED
