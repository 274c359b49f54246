"""The form of a backup's index: fields by their places, so that a later version reads those of an earlier one."""

import msgspec
import pytest

from populer.commands.backup_file import Index, ShardIndex, SiteIndex

SHARD = ShardIndex(5.0, [(300, 1_764_532_200, 17)], {1: [18]}, [19], {1: 20}, 21, 22)
SITE = SiteIndex([SHARD], 23, 24, None, 1, 2, 3)
INDEX = Index("0.1.0", 1.0, 2.0, {"koran": SITE}, {20_000: (b"salt", 3.0)}, b"secret")


def test_an_index_is_arrays_in_the_order_of_its_fields() -> None:
    shard = [5.0, [[300, 1_764_532_200, 17]], {1: [18]}, [19], {1: 20}, 21, 22]
    site = [[shard], 23, 24, None, 1, 2, 3]
    written = msgspec.msgpack.encode(INDEX)
    assert msgspec.msgpack.decode(written, strict=False) == [
        "0.1.0", 1.0, 2.0, {"koran": site}, {20_000: [b"salt", 3.0]}, b"secret",
    ]  # fmt: skip


@pytest.mark.parametrize("left_out", [1, 2])
def test_an_index_of_a_version_that_knew_fewer_fields_is_read(left_out: int) -> None:
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(INDEX))
    found = msgspec.msgpack.decode(msgspec.msgpack.encode(fields[:-left_out]), type=Index)
    assert (found.sites, found.secret) == (INDEX.sites, None)
