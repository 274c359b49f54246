"""A client that is generated of our OpenAPI document is small, and records, describes and reads with types."""

import json
import os
import subprocess
from pathlib import Path

import httpx2
import pytest
from service import Service

#: The folder of the programs of a venv with openapi-python-client; `make test-examples` makes one.
PROGRAMS = os.environ.get("POPULER_OPENAPI_CLIENT", "")
#: Per operation. Without named schemas there were 13 and 1,500.
MOST_FILES, MOST_LINES = 4, 600


@pytest.mark.skipif(not Path(PROGRAMS, "openapi-python-client").is_file(), reason="openapi-python-client is not here")
def test_generated_client_is_small_and_works(service: Service, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx2.get(f"{service.url}/openapi.json", trust_env=False).content)
    command = ["openapi-python-client", "generate", "--path", str(document), "--meta", "none"]
    made = subprocess.run(
        [Path(PROGRAMS, command[0]), *command[1:], "--output-path", "populer_client"], cwd=tmp_path,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    files = list((tmp_path / "populer_client").rglob("*.py"))
    lines = sum(len(file.read_text().splitlines()) for file in files)
    operations = sum(len(each) for each in json.loads(document.read_text())["paths"].values())
    assert len(files) <= MOST_FILES * operations
    assert lines <= MOST_LINES * operations
    driver = Path(__file__).with_name("generated_driver.py")
    done = subprocess.run(
        [Path(PROGRAMS, "python"), driver, service.url, service.write_key, service.admin_key], cwd=tmp_path,
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "accepted": 2, "listed": [["dibuat", "Dibuat", 2]], "pinned": 1, "missing": 404, "refused": 403
    }  # fmt: skip
