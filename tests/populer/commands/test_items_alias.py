"""`items alias` against a real service: redirects out of a csv, joined with what was counted before."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from service import Service, run, serving

PAGE = "https://www.koran.example/ekonomi/beras-naik"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "data") as service, service.client() as http:
        http.put("/v1/items/12345", json={"title": "Beras naik", "url": PAGE}).raise_for_status()
        events = [
            {"item": "12345"},
            {"url": PAGE},
            {"url": "https://koran.example/ekonomi/beras-mahal"},
            {"item": "tua"},
        ]
        assert http.post("/v1/events", json=events).json()["accepted"] == 4
        yield service


def alias(service: Service, file: Path, *options: str) -> tuple[int, str]:
    done = run("items", "alias", str(file), "--to", service.url, "--data", str(service.data_dir), *options)
    return done.returncode, done.stdout + done.stderr


def test_redirects_of_a_packed_csv_join_past_counts(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "redirects.csv.gz"
    rows = ["source,target,code", "/ekonomi/beras-mahal,/ekonomi/beras-naik,301", "tua,12345,301"]
    file.write_bytes(gzip.compress("\n".join(rows).encode()))
    code, text = alias(service, file, "--base", "https://www.koran.example")
    assert (code, text.splitlines()[0]) == (0, "2 pairs sent: 2 names are new")
    assert service.views("12345") == 4
    assert service.views("tua") == 0
    code, text = alias(service, file, "--base", "https://www.koran.example")
    assert (code, text.splitlines()[0]) == (0, "2 pairs sent: 0 names are new")


def test_pairs_that_cannot_be_used_are_named_and_exit_with_1(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "redirects.csv"
    file.write_text("from;to\ntua;12345\n/relatif;12345\n;12345\nhilang;https://www.koran.example/\n")
    code, text = alias(service, file)
    assert code == 1
    assert "redirects.csv:3: urls: must be whole addresses" in text
    assert "redirects.csv:4: names no pair" in text
    assert "redirects.csv:5: url: must be an article's" in text
    assert "3 of 4 pairs could not be used" in text
    assert service.views("12345") == 3
    assert alias(service, file, "--allow-losses")[0] == 0
    code, text = alias(service, file, "--base", "http://[")
    assert (code, text.strip()) == (1, "populer: --base must have a host, such as https://example.com/, not 'http://['")


def test_doctor_names_items_that_look_like_one_article_until_they_are_joined(service: Service, tmp_path: Path) -> None:
    slugs = [f"https://www.koran.example/read/987654/{slug}" for slug in ("lama", "baru")]
    with service.client() as http:
        assert http.post("/v1/events", json=[{"url": url} for url in slugs]).json()["accepted"] == 2

    def found() -> dict[str, str]:
        done = run("doctor", "--json", "--data", str(service.data_dir))
        return {each["name"]: each for each in json.loads(done.stdout)}["site default: one article, one item"]

    assert found() == {
        "name": "site default: one article, one item",
        "state": "warning",
        "found": "2 items look like 1 article: 'koran.example/read/987654/baru' and 'koran.example/read/987654/lama'",
        "advice": "name them with PUT /v1/items/ID/aliases or `populer items alias`; for those to come set"
        r" sites.item_pattern = '/(\d{5,})(?:[/.?]|$)'",
    }
    file = tmp_path / "pairs.csv"
    file.write_text(f"from,to\n{slugs[0]},{slugs[1]}\n")
    assert alias(service, file)[0] == 0
    assert (found()["state"], found()["found"]) == ("good", "4 items with counts")


def test_csv_without_the_columns_is_refused(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "redirects.csv"
    file.write_text("a,b\nc,d\n")
    code, text = alias(service, file)
    assert code == 1
    assert "must name a column from or alias" in text
