"""The rights that docs/ops.md names are enough for all that the service does, and no right is there for nothing."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import redis
import servers
from ports import free_ports

from ranking.errors import MissingRightsError
from ranking.store.redis.rights import COMMANDS

sys.path.append(str(Path(__file__).parents[3] / "populer"))

from service import MODULE, START_S, environment, run, serving, wait_until

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "ops.md").read_text()
#: What connections, scripts and subscriptions take by themselves: no source names them.
OF_THE_DRIVER = {"hello", "client|setinfo", "select", "eval", "eval_ro", "subscribe", "unsubscribe"}


def rights() -> list[str]:
    found = re.search(r"^ACL SETUSER populer on >PASSWORD (.*)$", PAGE, re.MULTILINE)
    assert found is not None
    return found[1].split()


def denied(server: servers.Valkey) -> list[str]:
    lines = server.admin.execute_command("ACL", "LOG")
    return [f"{line[b'reason']!r} {line[b'object']!r}" for line in lines if line[b"username"] == b"populer"]


def test_the_service_works_with_the_least_rights(own_server: Callable[..., servers.Valkey], tmp_path: Path) -> None:
    server = own_server(appendonly="yes")
    server.admin.execute_command("ACL", "SETUSER", "populer", "on", ">psst", *rights())
    url = f"redis://populer:psst@{servers.HOST}:{server.port}/0"
    with serving(tmp_path / "data", env={"POPULER_REDIS_URL": url}) as service, service.client() as client:
        assert client.put("/v1/items", json=[{"id": name, "title": name} for name in "abc"]).status_code == 200
        for n in range(2):  # the second time the scripts are known
            events = [{"item": name, "visitor": f"v{n}", "id": f"{name}{n}"} for name in "abc"]
            sent = client.post("/v1/events", json=events, headers={"idempotency-key": f"batch-{n}"})
            assert sent.json()["accepted"] == 3
        public = httpx2.post(f"{service.url}/v1/events", json={"item": "a"}, trust_env=False)
        assert public.status_code == 202
        wait_until(lambda: len(client.get("/v1/lists/populer").json().get("items", [])) == 3)
        admin = {"authorization": f"Bearer {service.admin_key}"}
        assert client.put("/v1/lists/populer/pins/c", json={"position": 1}, headers=admin).status_code == 200
        assert client.put("/v1/blocks/b", json={}, headers=admin).status_code == 200
        edition = client.get("/v1/audit", headers=admin).json()["changes"][0]["edition"]
        assert client.post(f"/v1/edits/{edition}/undo", headers=admin).status_code == 200
        assert client.delete("/v1/items/a").status_code == 204
        assert client.post("/v1/preview", json={"settings": {"half_life": "3h"}}, headers=admin).status_code == 200
        assert client.get("/v1/items/c/explain", headers=admin).status_code == 200
        assert client.get("/v1/ops/traffic", headers=admin).status_code == 200
        assert client.get("/v1/ops/evidence", headers=admin).status_code == 200
        shown = client.get("/v1/ops/state", headers=admin).json()
        assert (shown["store"], shown["alarms"]) == ("ok", [])
        for command in (["rank"], ["explain", "c"], ["doctor"]):
            done = run(*command, "--data", str(tmp_path / "data"), env={"POPULER_REDIS_URL": url})
            assert done.returncode == 0, done.stderr
    assert denied(server) == []


#: What the driver tries by itself and does without.
NOT_NEEDED = {"hello", "client|setinfo", "select"}
TRIED = [
    right for right in rights() if right[0] in "~&+" and right[1:] not in (*NOT_NEEDED, "bgrewriteaof", "unsubscribe")
]


def test_every_right_that_is_named_is_tried() -> None:
    tried = {f"+{command[0]}" for command in COMMANDS}
    assert {right for right in TRIED if right.startswith("+")} - tried == {
        "+blpop", "+eval", "+eval_ro", "+evalsha", "+evalsha_ro", "+subscribe",
    }  # fmt: skip
    assert tried <= set(rights())


def allow(server: servers.Valkey, *without: str) -> str:
    """A user with the least rights but some; the address under which it comes."""
    server.admin.execute_command("ACL", "DELUSER", "populer")
    given = [right for right in rights() if right not in without]
    server.admin.execute_command("ACL", "SETUSER", "populer", "on", ">psst", *given)
    return f"redis://populer:psst@{servers.HOST}:{server.port}/0"


async def test_a_right_that_is_missing_is_named(own_server: Callable[..., servers.Valkey]) -> None:
    server = own_server()
    for right in TRIED:
        with pytest.raises(MissingRightsError) as refused:
            async with servers.opened(allow(server, right)):
                pass
        assert f"lacks rights on the server: {right}. Allow" in str(refused.value)
    assert server.admin.keys() == []


async def test_several_rights_that_are_missing_are_named(own_server: Callable[..., servers.Valkey]) -> None:
    with pytest.raises(MissingRightsError, match=re.escape("lacks rights on the server: +hset +info &populer:*. ")):
        async with servers.opened(allow(own_server(), "+hset", "+info", "&populer:*")):
            pass


@pytest.mark.parametrize("topology", ["cluster"], indirect=True)
async def test_a_right_that_is_missing_in_a_cluster_is_named(topology: servers.Topology) -> None:
    more = "+cluster|slots", "+command", "+asking"
    for server in topology.servers:
        server.admin.execute_command("ACL", "DELUSER", "populer")
        given = [right for right in rights() if right != "&populer:*"]
        server.admin.execute_command("ACL", "SETUSER", "populer", "on", ">psst", *given, *more)
    with pytest.raises(MissingRightsError, match=re.escape("lacks rights on the server: &populer:*. ")):
        async with servers.opened(topology.url.replace("://", "://populer:psst@")):
            pass
    for server in topology.servers:
        server.admin.execute_command("ACL", "LOG", "RESET")


def test_a_service_without_its_channel_is_not_ready_and_says_why(
    own_server: Callable[..., servers.Valkey], tmp_path: Path
) -> None:
    server = own_server(appendonly="yes")
    env = {"POPULER_REDIS_URL": allow(server, "&populer:*")}
    done = subprocess.run(
        [*MODULE, "serve", "--data", str(tmp_path / "data"), "--port", "0"],
        capture_output=True, text=True, timeout=2 * START_S, check=False, env={**environment(), **env},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("populer: ")]
    assert "lacks rights on the server: &populer:*. Allow them with ACL SETUSER" in line
    examined = run("doctor", "--data", str(tmp_path / "data"), env=env)
    assert examined.returncode == 1
    assert re.search(r"^bad +rights +The user in redis.url lacks rights.*&populer:\*", examined.stdout, re.MULTILINE)
    env = {"POPULER_REDIS_URL": allow(server)}
    assert re.search(r"^good +rights ", run("doctor", "--data", str(tmp_path / "data"), env=env).stdout, re.MULTILINE)


DEBIANS = Path("/usr/bin/redis-server")


@pytest.fixture
def debians_redis(tmp_path: Path) -> Iterator[int]:
    """Port of a Redis as Debian has it."""
    (port,) = free_ports(1)
    command = [str(DEBIANS), "--port", str(port), "--bind", servers.HOST, "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process, redis.Redis(port=port) as admin:
        try:
            servers.wait_until(admin.ping, "Debian's Redis", 60)
            yield port
        finally:
            process.kill()


@pytest.mark.skipif(not DEBIANS.exists(), reason="takes Debian's Redis, whose words are others")
async def test_redis_names_the_rights_in_its_own_words(debians_redis: int) -> None:
    known = [right for right in rights() if right != "+client|setinfo"]
    url = f"redis://populer:psst@{servers.HOST}:{debians_redis}/0"
    with redis.Redis(port=debians_redis) as admin:
        for right in ("", *TRIED):
            admin.execute_command("ACL", "DELUSER", "populer")
            given = [each for each in known if each != right]
            admin.execute_command("ACL", "SETUSER", "populer", "on", ">psst", *given)
            with contextlib.ExitStack() as refused:
                if right:
                    said = re.escape(f"on the server: {right}. Allow")
                    refused.enter_context(pytest.raises(MissingRightsError, match=said))
                async with servers.opened(url):
                    pass


def test_no_right_is_there_for_nothing() -> None:
    folder = ROOT / "ranking" / "store" / "redis"
    source = " ".join(file.read_text().lower() for file in folder.rglob("*") if file.suffix in (".py", ".lua"))
    words = set(re.findall(r"[a-z_]+", source))
    named = {right.removeprefix("+") for right in rights() if right.startswith("+")}
    assert named - words - OF_THE_DRIVER == set()


@pytest.mark.parametrize("topology", ["cluster"], indirect=True)
async def test_a_cluster_takes_three_more(topology: servers.Topology) -> None:
    found = re.search(r"A cluster takes `([^`]*)` too", PAGE)
    assert found is not None
    for server in topology.servers:
        server.admin.execute_command("ACL", "SETUSER", "populer", "on", ">psst", *rights(), *found[1].split())
    async with servers.opened(topology.url.replace("://", "://populer:psst@")) as store:
        await store.server.ping()
        await store.server.server_info()
        await servers.counts_by_bucket(store, "koran")
    assert [line for server in topology.servers for line in denied(server)] == []
