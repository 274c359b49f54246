"""The same list by what ranks tables: DuckDB, ClickHouse (chdb) and polars, over single events and over counts.

Each is asked in its own words, has its data in memory in its own form before it is timed, and two threads. What is not
installed is left out. See refresh.py.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import readership
from refresh_rivals import HALF_LIFE_S, TOP, WEIGHTS, Rival, timed

THREADS = 2


class Table(NamedTuple):
    """Rows to be ranked: the item's number, the time in epoch seconds, whether it is a click, how many events."""

    item: npt.NDArray[np.int32]
    ts: npt.NDArray[np.int64]
    click: npt.NDArray[np.bool_]
    events: npt.NDArray[np.int32]


def events_and_counts(cells: int, end_s: int) -> dict[str, Table]:
    """The readership as single events at moments of their bucket, and as counts at the middle of it."""
    random = np.random.default_rng(5)
    parts: dict[str, list[Table]] = {"events": [], "counts": []}
    for each in readership.bucketfuls(cells, end_s):
        for kind, (items, counts) in each.counts.items():
            single = np.repeat(items, counts).astype(np.int32)
            ts = (each.start_s + random.integers(0, readership.WIDTH_S, len(single))).astype(np.int64)
            click = kind == "click"
            parts["events"].append(Table(single, ts, np.full(len(single), click), np.ones(len(single), np.int32)))
            middle = np.full(len(items), each.start_s + readership.WIDTH_S // 2, np.int64)
            parts["counts"].append(
                Table(items.astype(np.int32), middle, np.full(len(items), click), counts.astype(np.int32))
            )
    return {name: Table(*map(np.concatenate, zip(*found, strict=True))) for name, found in parts.items()}


def by_duckdb(table: Table, end_s: int) -> Rival:
    """By SQL in DuckDB. Raises ImportError."""
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS})
    connection.register("columns", table._asdict())
    connection.execute("CREATE TABLE events AS SELECT * FROM columns")
    statement = _sql(end_s)
    top: list[int] = []

    def rank() -> None:
        top[:] = [int(row[0]) for row in connection.execute(statement).fetchall()]

    rounds = timed(rank)
    connection.close()
    return Rival(rounds, readership.names(top))


def by_chdb(table: Table, end_s: int) -> Rival:
    """By SQL in ClickHouse within this process. Raises ImportError."""
    from chdb import session

    rows = np.empty(len(table.item), dtype=[("item", "<i4"), ("ts", "<i8"), ("click", "u1"), ("events", "<i4")])
    for name, column in table._asdict().items():
        rows[name] = column
    with tempfile.TemporaryDirectory() as folder, session.Session() as database:
        (Path(folder) / "rows.bin").write_bytes(rows.tobytes())
        columns = "item Int32, ts Int64, click UInt8, events Int32"
        database.query("CREATE DATABASE IF NOT EXISTS bench")
        database.query(f"CREATE TABLE bench.events ({columns}) ENGINE = Memory")
        database.query(f"INSERT INTO bench.events SELECT * FROM file('{folder}/rows.bin', RowBinary, '{columns}')")
        statement = _sql(end_s).replace("FROM events", "FROM bench.events") + f" SETTINGS max_threads = {THREADS}"
        top: list[int] = []

        def rank() -> None:
            top[:] = [int(line) for line in str(database.query(statement, "CSV")).split()]

        return Rival(timed(rank), readership.names(top))


def by_polars(table: Table, end_s: int) -> Rival:
    """By expressions in polars. Raises ImportError."""
    import polars as pl

    frame = pl.DataFrame(table._asdict()).lazy()
    weight = pl.when(pl.col("click")).then(WEIGHTS["click"]).otherwise(WEIGHTS["view"]) * pl.col("events")
    decay = (((pl.col("ts") - end_s) / HALF_LIFE_S) * float(np.log(2))).exp()
    query = frame.group_by("item").agg((weight * decay).sum().alias("score")).top_k(TOP, by="score")
    query = query.sort("score", descending=True).select("item")
    top: list[int] = []

    def rank() -> None:
        top[:] = query.collect().to_series().to_list()

    return Rival(timed(rank), readership.names(top))


BY: dict[str, Callable[[Table, int], Rival]] = {"DuckDB": by_duckdb, "ClickHouse (chdb)": by_chdb, "polars": by_polars}


def rivals(cells: int, end_s: int, missing: Callable[[str], Any]) -> Iterator[tuple[str, Rival]]:
    """Each that is installed, over both forms, by name; `missing` is told of others."""
    for form, table in events_and_counts(cells, end_s).items():
        for name, rank in BY.items():
            try:
                yield f"{name}, {form}", rank(table, end_s)
            except ImportError:
                missing(name)


def _sql(end_s: int) -> str:
    return f"""
        SELECT item FROM events GROUP BY item
        ORDER BY sum(events * CASE WHEN click THEN {WEIGHTS["click"]} ELSE {WEIGHTS["view"]} END
                     * pow(2, (ts - {end_s}) / {HALF_LIFE_S})) DESC LIMIT {TOP}"""
