"""A data directory that another service has, or that is not what it should be: one line and exit 1."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import servers
from service import MODULE, START_S, environment, run, serving

KEYS = {"default": {"write": "write-0123456789abcdef", "admin": "admin-0123456789abcdef"}}


def refusal(data_dir: Path, url: str) -> list[str]:
    """The lines with which a service on this directory does not start: one."""
    done = subprocess.run(
        [*MODULE, "serve", "--data", str(data_dir), "--port", "0"],
        capture_output=True, text=True, timeout=2 * START_S, check=False,
        env={**environment(), "POPULER_REDIS_URL": url},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()


def test_a_second_service_is_refused_where_the_store_is_elsewhere(server: servers.Valkey, tmp_path: Path) -> None:
    with serving(tmp_path / "data", env={"POPULER_REDIS_URL": server.url}) as service, service.client() as client:
        assert client.post("/v1/events", json={"item": "a"}).status_code == 202
        (line,) = refusal(tmp_path / "data", server.url)
        assert f"is in use by another Populer service (process {service.process.pid})" in line
        assert client.post("/v1/events", json={"item": "a"}).status_code == 202
        assert service.stop() == 0
    with serving(tmp_path / "data", env={"POPULER_REDIS_URL": server.url}) as service:
        assert service.stop() == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"default": {"wri', "cannot be read"),
        ("null", "is not a file of keys"),
        ("[]", "is not a file of keys"),
        ('{"default": {"write": 5}}', "key write of site default: expected a text, found 5"),
        ('{"default": {"write": null, "admin": null}}', "key write of site default: expected a text, found null"),
        ('{"default": {"write": "x", "admin": "y"}}', "key write write of site default: at least 16 visible"),
        (
            '{"default": {"write:a b": "write-0123456789abcdef"}}',
            "key write a b of site default: String should",
        ),
    ],
)
def test_a_file_of_keys_that_is_none_is_one_line(
    server: servers.Valkey, tmp_path: Path, content: str, sentence: str
) -> None:
    (tmp_path / "keys.json").write_text(content)
    (line,) = refusal(tmp_path, server.url)
    assert line.startswith(f"populer: {tmp_path / 'keys.json'}: {sentence}")
    assert "remove" in line


@pytest.mark.parametrize("name", ["spool", "metrics"])
def test_a_file_in_the_place_of_a_folder_is_one_line(server: servers.Valkey, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    (line,) = refusal(tmp_path, server.url)
    assert f"The folder {tmp_path / name} cannot be used: something on that path is a file, not a directory." in line


def test_doctor_says_who_may_read_the_keys(own_server: Callable[..., servers.Valkey], tmp_path: Path) -> None:
    file, env = tmp_path / "keys.json", {"POPULER_REDIS_URL": own_server(appendonly="yes").url}
    for mode, state in ((0o600, "good"), (0o644, "bad"), (0o620, "bad")):
        file.write_text(json.dumps(KEYS))
        file.chmod(mode)
        done = run("doctor", "--data", str(tmp_path), "--json", env=env)
        (row,) = [row for row in json.loads(done.stdout) if row["name"] == "key file"]
        assert row["state"] == state
        assert (f"{mode:04o}" in row["found"]) == (state == "bad")
        assert (done.returncode == 1) == (state == "bad")
