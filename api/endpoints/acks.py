"""How safe a change of items or edits is when it is answered: it waits for what `ingest.ack` promises of events."""

from collections.abc import Iterable

from api.context import Context

ACK = "populer-ack"


async def ack_header(context: Context, site: str, items: Iterable[str] = ()) -> dict[str, str]:
    """The header that says how safe the edits of a site, and `items`, are: commit, replica or disk. Call it last.

    Raises:
        PopulerError: the store does not answer, or could not write: nothing is known of the change.
    """
    return {ACK: await context.store.server.secured(site, items)}
