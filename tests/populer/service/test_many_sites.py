"""Sixty sites on one service: each one's lists follow every beat, on few connections, without a word in the log."""

import re
from collections.abc import Callable
from pathlib import Path

import servers
from service import Service, serving, wait_until

from ranking.store.redis.turns import MOST_CONNECTIONS

SITES = [f"site-{number}" for number in range(60)]
KEY = "write-0123456789abcdef"
PATIENCE_S = 60.0


def settings() -> str:
    sites = "".join(
        f'[[sites]]\nid = "{site}"\nhosts = ["x.example"]\norigins = ["https://x.example"]\n'
        f'[sites.keys]\nwrite = "{KEY}"\nadmin = "admin-{KEY}"\n'
        for site in SITES
    )
    return f'[refresh]\nevery = "2s"\n{sites}'


def test_lists_of_sixty_sites_follow_every_beat(own_server: Callable[..., servers.Valkey], tmp_path: Path) -> None:
    server, file = own_server(), tmp_path / "populer.toml"
    file.write_text(settings())
    with serving(
        tmp_path / "data", "--config", str(file), "--workers", "2", env={"POPULER_REDIS_URL": server.url}
    ) as service:
        with servers.httpx2.Client(base_url=service.url, trust_env=False, timeout=60) as client:

            def generations(least: int) -> bool:
                lists = [client.get("/v1/lists/populer", params={"site": site}).json() for site in SITES]
                return all(each.get("generation", 0) >= least and not each["stale"] for each in lists)

            wait_until(lambda: generations(3), PATIENCE_S)
        # Two workers, the jobs, what a sealed start has left over; and the news of each worker.
        assert len(server.admin.client_list()) <= 3 * (MOST_CONNECTIONS + 1) + 2
        assert len(server.admin.client_list(_type="pubsub")) == 2
    assert complaints(service) == []
    assert service.log.read_text().count("This process works for more sites now.") == 1


def complaints(service: Service) -> list[str]:
    return re.findall(r"^.*\[(?:warning|error|critical) *\].*$", service.log.read_text(), re.MULTILINE)
