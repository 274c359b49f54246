"""What the processes of a host say together, whatever one of them is doing to its file."""

from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict, mmap_key

from api.monitoring.metrics import connections_of


def reported(folder: Path, pid: int, **values: float) -> None:
    values_of = MmapedDict(str(folder / f"gauge_livemax_{pid}.db"))  # type: ignore[no-untyped-call]
    for name, value in values.items():
        metric = f"populer_{name}"
        values_of.write_value(mmap_key(metric, metric, [], [], "help"), value, 0.0)  # type: ignore[no-untyped-call]
    values_of.close()  # type: ignore[no-untyped-call]


def test_a_file_that_a_process_is_about_to_make_is_passed_over(tmp_path: Path) -> None:
    reported(tmp_path, 11, connections=3.0, connections_most=900.0)
    (tmp_path / "gauge_livemax_12.db").touch()  # opened, and not yet given its first page
    found = connections_of(tmp_path)
    assert found is not None
    assert (found.open, found.most) == (3, 900)


def test_nothing_is_known_where_no_process_has_said_anything(tmp_path: Path) -> None:
    assert connections_of(tmp_path) is None
    assert connections_of(tmp_path / "none") is None
