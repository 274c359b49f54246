"""What a command needs is all that it imports: those that read the store start no web server and no jobs."""

import subprocess
import sys

import pytest

OF_THE_SERVICE = (
    "uvicorn",
    "fastapi",
    "uvloop",
    "apscheduler",
    "jobs",
    "api.app",
    "populer.demo",
    "populer.service.supervisor",
)


@pytest.mark.parametrize("command", ["config_check", "config_show", "doctor", "explain", "rank", "tune", "replay"])
def test_command_imports_nothing_of_the_running_service(command: str) -> None:
    code = f"import sys, populer.cli, populer.commands.{command}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not set(loaded.stdout.split()) & set(OF_THE_SERVICE)


def test_command_line_itself_imports_no_http_client() -> None:
    code = "import sys, populer.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "httpx2" not in loaded.stdout.split()
