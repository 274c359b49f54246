"""What a fault needs around it: a service's settings file, and where things lie."""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import servers
from service import Service


def do_one_of(faults: Mapping[str, Callable[[float], None]], chance: Random, longest_s: float, done: list[str]) -> None:
    """Do a fault for as long as chance will have it, mostly short; `done` has been told of it before."""
    name = chance.choice(list(faults))
    for_s = chance.uniform(0.0, longest_s) ** 2 / longest_s
    done.append(f"{name}, {for_s:.2f} s")
    faults[name](for_s)


def settings_file(folder: Path, url: str | None = None, retention: dict[str, str] | None = None, **ingest: str) -> str:
    """A settings file that counts everything that is sent; `ingest` goes over that. Its path, as --config takes it."""
    given = {"bots": "false", "dedupe_window": '"0s"', **{name: f'"{value}"' for name, value in ingest.items()}}
    lines = ["[ingest]", *(f"{name} = {value}" for name, value in given.items())]
    lines += ["[retention]", *(f'{name} = "{value}"' for name, value in (retention or {}).items())]
    if url is not None:
        lines += ["[redis]", f'url = "{url}"', 'timeout = "500ms"']
    file = folder / "populer.toml"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def nothing_waits(service: Service) -> bool:
    """Whether a service that was stopped has left no batch on disk."""
    return not list((service.data_dir / "spool").glob("*.spool"))


def shards_on(node: servers.Valkey, site: str) -> set[int]:
    """The shards of a site whose keys lie on this node."""
    own = node.admin.execute_command("CLUSTER", "MYID").decode()
    ranges = [
        (int(first), int(last))
        for first, last, primary, *_ in node.admin.execute_command("CLUSTER", "SLOTS")
        if primary[2].decode() == own
    ]
    slots = {shard: node.admin.execute_command("CLUSTER", "KEYSLOT", f"{{{site}.{shard}}}") for shard in range(16)}
    return {shard for shard, slot in slots.items() if any(first <= slot <= last for first, last in ranges)}
