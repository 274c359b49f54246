"""`populer explain`: why an item is at its rank; the sentence first, then the numbers that add up to the score."""

import asyncio
import json
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from api.serving.date_labels import published_label
from populer.commands.options import moment, site_named, store_url
from populer.commands.rank import viewed
from populer.config import Loaded, with_list_settings
from ranking.lists.traffic_start import with_traffic
from ranking.refreshing.answers import QuestionContext, answer
from ranking.refreshing.questions import Explain
from ranking.scoring.sums import Moment
from ranking.settings.service import Settings
from ranking.settings.sites import SiteSettings
from ranking.times import format_duration

MOST_BUCKETS = 12
TERMS = {
    "usual": "as many are usual",
    "aging": "its own age",
    "scale": "its section",
    "boost": "an editor",
    "revival": "it is read again",
}


def run(
    loaded: Loaded,
    site: str | None,
    *,
    item: str,
    list_name: str,
    section: str,
    at: str | None,
    changes: list[str],
    as_json: bool,
) -> None:
    """Explain and print.

    Raises:
        PopulerError: an option cannot be used, there is no such item, or the store does not answer.
    """
    settings = with_list_settings(loaded.settings, loaded.raw, list_name, changes)
    chosen, now = site_named(settings, site), time.time()
    explanation = asyncio.run(
        explained(
            settings, store_url(settings), site=chosen, name=list_name, item=item, section=section,
            at=moment(at, chosen, now), now=now,
        )
    )  # fmt: skip
    if as_json:
        print(json.dumps(explanation, ensure_ascii=False))  # noqa: T201
    else:
        print_explanation(explanation, chosen)


async def explained(
    settings: Settings, url: str, *, site: SiteSettings, name: str, item: str, section: str, at: float, now: float
) -> dict[str, Any]:
    """Why an item is at its rank at the moment `at`, counted up to `now` (both epoch seconds).

    Raises:
        NotFoundError: no such list, section or item.
    """
    async with viewed(settings, url, site, now) as (store, view):
        settings = settings.under(with_traffic(await store.findings.in_effect(site.id), settings.lists, view, at))
        asked = QuestionContext(store, view, settings, site.zone, Moment(at=at, known_until=max(at, now)))
        return await answer(asked, Explain(site.id, name, item, section, at))


def print_explanation(found: dict[str, Any], site: SiteSettings) -> None:
    """Print an answer of `questions.Explain`."""
    console = Console(highlight=False)
    moment = published_label(found["at"], site)
    console.print(f"{found['title']} ({found['item']}) in {_where(found)}, {moment}", style="bold", markup=False)
    console.print(_sentence(found))
    console.print(f"score = {found['formula']}")
    if found["channels"]:
        console.print(_channels(found))
        console.print(_buckets(found))
    if found["score"] is not None:
        console.print(f"score: {_terms(found['terms'])} = {found['score']:,.6g}")
    for move in found["moves"]:
        places = f"{abs(move['places'])} place{'' if abs(move['places']) == 1 else 's'}"
        console.print(
            f"moved {'up' if move['places'] > 0 else 'down'} {places}: {move['why']}" if move["places"] else move["why"]
        )
    for side in ("above", "below"):
        if other := found[side]:
            console.print(f"{side}: rank {other['rank']}, {other['item']}, by {other['margin']:,.6g}")
    if found["voids"]:
        numbers = ", ".join(str(each["void"]) for each in found["voids"])
        console.print(f"voided by an editor: {found['voided']:,.6g} events weigh nothing (void {numbers})")
    if lately := found["concentration"]:
        console.print(_concentration(lately))
    if found["left_out"]:
        told = ", ".join(f"{reason} {count:,}" for reason, count in found["left_out"].items())
        console.print(f"left out lately: {told}")


def _terms(terms: list[dict[str, Any]]) -> str:
    """The terms of a score as they are worked out; what a later `=` replaces is shown as what it was made of."""
    text = ""
    for term in terms:
        text += f" -> {term['value']:,.6g}" if text and term["operation"] == "=" else ""
        if not text:
            text = f"{term['value']:,.6g}"
        elif term["operation"] != "=":
            text += f" {term['operation']} {term['value']:,.6g}"
        text += f" ({TERMS.get(term['name'], term['name'])})"
    return text


def _concentration(lately: dict[str, Any]) -> str:
    """How concentrated the item's last hour was."""
    said = []
    for name, each in (("network", lately["network"]), ("user agent", lately["agent"])):
        usual = "" if each["usual"] is None else f" (of the site's other items {each['usual']:.0%})"
        said.append(f"the greatest {name} sent {each['share']:.0%}{usual}")
    networks = f"about {lately['networks']:,} network{'' if lately['networks'] == 1 else 's'}"
    return f"{lately['attempts']:,} events in the last hour, counted or not, from {networks}: {', '.join(said)}"


def _where(found: dict[str, Any]) -> str:
    return f"{found['list']}, section {found['section']}" if found["section"] else found["list"]


def _sentence(found: dict[str, Any]) -> str:
    if found["rank"] is not None:
        pinned = "" if found["shown"] in (None, found["rank"]) else f", shown at {found['shown']} as of what is pinned"
        return f"It is at rank {found['rank']}{pinned}{_times_usual(found)}."
    place = "" if found["place"] is None else f" (by its score alone at place {found['place']:,})"
    return f"It is not listed: {found['why']}{place}."


def _times_usual(found: dict[str, Any]) -> str:
    if found["times_usual"] is None:
        return ""
    usual = f"{found['counted']:,.6g} events where {found['usual']:,.3g} are usual"
    return f": it is read {found['times_usual']:,.3g} times its usual ({usual})"


def _channels(found: dict[str, Any]) -> Table:
    table = Table("channel", title="by channel", title_justify="left")
    for name in ("events", "decayed", "weight", "part"):
        table.add_column(name, justify="right")
    for each in found["channels"]:
        numbers = (each["decayed"], each["weight"], each["part"])
        table.add_row(each["channel"], f"{each['events']:,.0f}", *(f"{number:,.6g}" for number in numbers))
    table.add_row("sum", "", "", "", f"{found['counted']:,.6g}")
    return table


def _buckets(found: dict[str, Any]) -> Table:
    parts = [(bucket, channel) for channel in found["channels"] for bucket in channel["buckets"]]
    parts.sort(key=lambda part: -part[0]["part"] * part[1]["weight"])
    title = "what counts most" if len(parts) > MOST_BUCKETS else "by bucket"
    table = Table("age", "channel", title=title, title_justify="left")
    for name in ("events", "each counts", "part"):
        table.add_column(name, justify="right")
    for bucket, channel in parts[:MOST_BUCKETS]:
        age = format_duration(60 * round(bucket["age_s"] / 60)) if bucket["age_s"] >= 60 else "under 1m"
        numbers = (bucket["weight"], bucket["part"] * channel["weight"])
        table.add_row(age, channel["channel"], f"{bucket['events']:,.0f}", *(f"{number:,.6g}" for number in numbers))
    return table
