"""Uses a client generated of the OpenAPI document. Arguments: the address of the service, its write and admin key."""

import json
import sys
import time

from populer_client import AuthenticatedClient, Client
from populer_client.api.editors import put_pin
from populer_client.api.events import record_events
from populer_client.api.items import get_item, put_items
from populer_client.api.lists import get_list
from populer_client.models import Event, Item, List, PinBody, Problem

to, write, admin = sys.argv[1:]
writer, anybody = AuthenticatedClient(to, token=write), Client(to)
put_items.sync(client=writer, body=[Item(id="dibuat", title="Dibuat", section="Klien")])
recorded = record_events.sync(client=writer, body=[Event(item="dibuat", id="satu"), Event(item="dibuat", id="dua")])
deadline = time.monotonic() + 60
while True:
    found = get_list.sync("populer", client=anybody, section="Klien")
    if isinstance(found, List) and found.items:
        break
    assert time.monotonic() < deadline, found
    time.sleep(0.1)
pinned = put_pin.sync("populer", "dibuat", client=AuthenticatedClient(to, token=admin), body=PinBody(position=1))
missing = get_item.sync("tidak-ada", client=writer)
refused = put_pin.sync("populer", "dibuat", client=writer, body=PinBody(position=1))
assert isinstance(missing, Problem)
assert isinstance(refused, Problem)
said = {
    "accepted": recorded.accepted,
    "listed": [(entry.id, entry.title, entry.views) for entry in found.items],
    "pinned": pinned.position,
    "missing": missing.status,
    "refused": refused.status,
}
print(json.dumps(said))  # noqa: T201
