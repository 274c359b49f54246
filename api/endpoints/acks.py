"""How safe a change of items or edits is when it is answered: it waits for what `ingest.ack` promises of events."""

from collections.abc import Iterable

from api.context import Context
from api.endpoints.openapi import Json
from ranking.store.counts import LEVELS

ACK = "populer-ack"
#: Where changes are made, by the beginnings of their paths.
CHANGED = ("/v1/items", "/v1/lists/{list}/pins", "/v1/lists/{list}/boosts", "/v1/blocks", "/v1/edits", "/v1/aliases")


async def ack_header(context: Context, site: str, items: Iterable[str] = ()) -> dict[str, str]:
    """The header that says how safe the edits of a site, and `items`, are: commit, replica or disk. Call it last.

    Raises:
        PopulerError: the store does not answer, or could not write: nothing is known of the change.
    """
    return {ACK: await context.store.server.secured(site, items)}


def document_acks(paths: Json) -> None:
    """Add the header to the good answers of all changes in an OpenAPI document's `paths`."""
    header = {
        "description": "how safe the change is: what `ingest.ack` promises, or commit",
        "schema": {"type": "string", "enum": list(LEVELS)},
    }
    for path, operations in paths.items():
        for method in {"put", "patch", "post", "delete"} & operations.keys() if path.startswith(CHANGED) else ():
            for status, response in operations[method]["responses"].items():
                if status in ("200", "201", "204"):
                    response.setdefault("headers", {})["Populer-Ack"] = header
