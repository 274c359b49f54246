"""The command `populer tune`, from its options to its output."""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from populer.commands.options import progress_bar
from populer.config import Loaded
from populer.log_files.log_site import LogSite, Rules, moments_of
from populer.log_files.page_requests import page_rules
from populer.tuning.candidates import GridBase, based, settled
from populer.tuning.output import document, table, toml
from populer.tuning.run import EventCounts, TuneRequest, Tuning, kinds_of, read_details, read_site, tune
from ranking.errors import PopulerError
from ranking.intake.items import Item
from ranking.lists.ranker import View
from ranking.lists.traffic_start import with_traffic
from ranking.settings.learned import LearnedSetting
from ranking.settings.sites import SiteSettings
from ranking.times import format_duration, parse_duration
from ranking.tuning.evidence import sentence
from ranking.tuning.trade_off import in_words
from ranking.tuning.walk_forward import Plan, Wanted

if TYPE_CHECKING:
    from rich.progress import Progress

UNDATED = ("first-seen", "out")


class Options(NamedTuple):
    """The command line's options, as they were written. `url`: of the store; None: `events` are read instead.

    `dedupe` None: as the service counts.
    """

    loaded: Loaded
    site: SiteSettings
    url: str | None
    now: float
    list_name: str = "populer"
    section: str = ""
    events: Sequence[Path] = ()
    items: Sequence[Path] = ()
    horizon: str = "1h"
    step: str = "1h"
    warmup: str = "7d"
    k: int = 10
    grids: Sequence[str] = ()
    presets: Sequence[str] = ()
    changes: Sequence[str] = ()
    reads: Sequence[str] = ()
    undated: str | None = None
    dedupe: str | None = None
    format: str | None = None
    item_pattern: str | None = None
    base: str | None = None
    report: Path | None = None
    as_json: bool = False
    snapshots: Path | None = None
    weights: bool = False
    ways: Sequence[str] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.site.timezone)


Details = Callable[[Iterable[int]], Mapping[int, Item]]


class WalkedSite(NamedTuple):
    """A site to walk through: complete until `known_until` (epoch seconds), what to show of its items, and notes.

    `learned`: the learned settings of its lists, by name. `events`: of logs, how many were read and counted.
    """

    view: View
    known_until: float
    details: Details
    notes: list[str]
    learned: Mapping[str, LearnedSetting] = MappingProxyType({})
    events: EventCounts | None = None


def run(options: Options) -> None:
    """Tune and print.

    Raises:
        PopulerError: an option cannot be used, or the past is too short.
    """
    wanted = Wanted(*(_seconds(options, name) for name in ("step", "horizon", "warmup")))
    if options.undated not in (None, *UNDATED):
        raise PopulerError(f"--undated: expected {' or '.join(UNDATED)}, found {options.undated!r}")
    if options.weights and options.grids:
        raise PopulerError("--weights: tries weights of a click, and goes without --grid")
    if options.report is not None and not options.report.absolute().parent.is_dir():
        raise PopulerError(f"--report: {options.report.parent} is no folder")
    with progress_bar() as progress:
        source = _source(options, progress)
        tuning = _tuned(options, wanted, source, progress)
    if options.report is not None:
        from populer.report.page import write

        write(options.report, tuning, options.site, source.details)
    _print(options, tuning)


def _seconds(options: Options, name: str) -> float:
    text = getattr(options, name)
    try:
        return parse_duration(text)
    except ValueError as error:
        raise PopulerError(f"--{name}: expected {error}, found {text!r}") from None


def _source(options: Options, progress: "Progress") -> WalkedSite:
    if options.url is None:
        return _files(options, progress)
    if options.items:
        raise PopulerError("--items: goes with --events, as the store has items of its own")
    settings, url = options.loaded.settings, options.url
    task = progress.add_task("reading the store", total=None)
    view, learned = asyncio.run(read_site(settings, url, options.site, options.now))
    progress.update(task, total=1, completed=1)
    return WalkedSite(view, options.now, lambda rows: asyncio.run(read_details(settings, url, view, rows)), [], learned)


def _files(options: Options, progress: "Progress") -> WalkedSite:
    site = options.site
    pages = page_rules(options.item_pattern or site.item_pattern or None, options.base, secrets.token_hex())
    usual_s = options.loaded.settings.ingest.dedupe_window_s
    dedupe_s = usual_s if options.dedupe is None else _seconds(options, "dedupe")
    rules = Rules(
        options.loaded.settings.retention.bucket_s, options.zone, dedupe_s, options.format, pages, pages.pattern,
    )  # fmt: skip
    if options.snapshots is not None:
        rules.snapshots = moments_of(options.snapshots, rules)
        if not rules.snapshots:
            raise PopulerError(f"--snapshots: expected rows with a time in {options.snapshots}, found none")
    read = LogSite()
    read.describe(options.items, rules, progress)
    read.count(options.events, rules, progress)
    events = EventCounts(read.read.counted + read.read.repeated, read.read.counted)
    notes = [_counted(events, dedupe_s, usual_s)] if events.read > events.counted or dedupe_s != usual_s else []
    if left_out := read.read.left_out:
        notes.append("left out of the log: " + ", ".join(f"{why} {n:,}" for why, n in sorted(left_out.items())))
    if faults := read.read.unreadable.count:
        notes.append(f"{faults:,} rows could not be read: {'; '.join(read.read.unreadable.first)}")
    return WalkedSite(read, read.known_until, read.details, notes, events=events)


def _counted(events: EventCounts, dedupe_s: float, usual_s: float) -> str:
    """How many events were read, and how many of them count."""
    text = f"{events.read:,} events were read, and {events.counted:,} count"
    if dedupe_s:
        text += f": repeats of a visitor within {format_duration(dedupe_s)} do not (--dedupe 0s counts them)"
    elif usual_s:
        text += f", repeats too, which the service leaves out (--dedupe {format_duration(usual_s)})"
    return text


def _tuned(options: Options, wanted: Wanted, source: WalkedSite, progress: "Progress") -> Tuning:
    base, notes = _base(options, source)
    request = TuneRequest(
        base,
        wanted,
        options.k,
        options.grids,
        options.presets,
        options.section,
        options.reads,
        weights=options.weights,
        objective=options.loaded.settings.lists[options.list_name].objective,
        dated_only=(options.undated or ("out" if options.url is None else "first-seen")) == "out",
        ways=options.ways,
    )

    def on_plan(plan: Plan) -> Callable[[], None]:
        task = progress.add_task("walking through the past", total=plan.steps)
        return lambda: progress.advance(task)

    tuning = tune(source.view, request, options.zone, source.known_until, on_plan)
    return tuning._replace(notes=[*source.notes, *notes, *tuning.notes], events=source.events)


def _base(options: Options, source: WalkedSite) -> tuple[GridBase, list[str]]:
    """The list to tune. In a log of kinds that it does not weigh every event counts alike: it is the log of others."""
    learned = with_traffic(source.learned, options.loaded.settings.lists, source.view, source.known_until)
    settings, raw = settled(options.loaded.settings, options.loaded.raw, options.list_name, learned)
    kinds = kinds_of(source.view)
    base = based(settings, raw, options.list_name, options.changes, kinds)
    if options.url is not None or not kinds or base.list.kind != "ranked" or base.counts(source.view.history.channels):
        return base, []
    changes = [*options.changes, *(f"weights.{kind}=1" for kind in kinds)]
    note = f"{options.list_name} weighs none of the events, which are {', '.join(kinds)}: here each of them counts 1"
    return based(settings, raw, options.list_name, changes, kinds), [note]


def _print(options: Options, tuning: Tuning) -> None:
    if options.as_json:
        print(json.dumps(document(tuning), ensure_ascii=False))  # noqa: T201
        return
    from rich.console import Console

    out = Console()
    out.print(table(tuning, out.width))
    said = [*(f"· {note}" for note in tuning.notes), "", sentence(tuning.evidence)]
    said += ["", *in_words(tuning.evidence, tuning.request.objective)]
    if tuning.weight is not None:
        said += ["", tuning.weight.sentence]
    if advice := toml(tuning):
        said += ["", advice.rstrip()]
    if options.report is not None:
        said += ["", f"report: {options.report}"]
    print("\n".join(said))  # noqa: T201
