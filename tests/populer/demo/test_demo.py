"""`populer demo`, run as a newcomer runs it: full from the first page, moved by readers and not by robots."""

import html
import re
import signal
import socket
from collections.abc import Iterator

import httpx2
import pytest
from playing import Playing, playing
from service import run, wait_until

from populer.demo.robots import ATTACK_EVENTS
from populer.demo.service import outcomes_of


@pytest.fixture(scope="module")
def demo() -> Iterator[Playing]:
    with playing() as started:
        yield started


@pytest.fixture(scope="module")
def visitor(demo: Playing) -> Iterator[httpx2.Client]:
    with demo.client() as client:
        yield client


def listed(visitor: httpx2.Client, name: str = "populer", limit: int = 7) -> list[str]:
    return [item["id"] for item in visitor.get(f"/v1/lists/{name}", params={"limit": limit}).json()["items"]]


def rendered(page: str, name: str) -> list[str]:
    """The ids that stand in a list of a page before any script has run."""
    found = re.search(rf'<populer-list[^>]*list="{name}"[^>]*>(.*?)</populer-list>', page, re.S)
    assert found is not None
    return re.findall(r'data-id="([^"]+)"', found[1])


def test_the_first_page_has_both_lists_before_any_script_runs(visitor: httpx2.Client) -> None:
    page = visitor.get("/").text
    assert len(rendered(page, "populer")) == 7
    assert len(rendered(page, "update")) == 10
    assert re.search(r">\w+, \d\d \w+ \d{4} \| \d\d:\d\d</time>", page)
    assert page.count(">Selengkapnya</a>") == 2


def test_an_article_is_not_listed_beside_itself(visitor: httpx2.Client) -> None:
    first = listed(visitor)[0]
    page = visitor.get(f"/berita/{first}").text
    assert f'<script async src="/populer.js" data-webdriver="count" data-item="{first}"></script>' in page
    assert first not in rendered(page, "populer")
    assert len(rendered(page, "populer")) == 7


def test_a_sections_page_lists_its_own_stories(visitor: httpx2.Client) -> None:
    page = visitor.get("/kanal/olahraga").text
    of_section = visitor.get("/v1/lists/populer", params={"section": "Olahraga", "limit": 20}).json()["items"]
    assert set(rendered(page, "populer")) <= {item["id"] for item in of_section}
    assert rendered(page, "populer")


def test_the_services_list_pages_wear_the_newsrooms_dress(visitor: httpx2.Client) -> None:
    for name in ("populer", "update"):
        page = visitor.get(f"/lists/{name}").text
        assert "Harian Segara" in page
        assert 'class="masthead"' in page
        assert page.count('class="populer-item"') == 20
        assert "Berikutnya" in page
    assert visitor.get("/readyz").json()["templates"] == "ok"


def test_breaking_news_is_first_in_update_at_once_and_climbs_populer(demo: Playing, visitor: httpx2.Client) -> None:
    assert visitor.post("/demo/breaking").status_code == 202
    wait_until(lambda: demo.state(visitor)["urgent"] is not None)
    item = demo.state(visitor)["urgent"]["path"].removeprefix("/berita/")
    wait_until(lambda: listed(visitor, "update")[0] == item)
    assert f"/berita/{item}" in visitor.get("/").text
    wait_until(lambda: item in listed(visitor), within_s=60)
    news = next(each for each in visitor.get("/v1/lists/populer").json()["items"] if each["id"] == item)
    assert news["is_new"]
    wait_until(lambda: listed(visitor).index(item) < 3, within_s=60)


def test_robots_are_counted_by_reason_and_move_no_list(demo: Playing, visitor: httpx2.Client) -> None:
    before = outcomes_of(visitor.get("/metrics").text)
    assert visitor.post("/demo/robots").status_code == 202
    wait_until(lambda: demo.state(visitor)["attack"] is not None)
    item = demo.state(visitor)["attack"]["id"]
    seen = set[str]()

    def over() -> bool:
        seen.update(listed(visitor))
        return bool(demo.state(visitor)["attack"]["over"])

    wait_until(over, within_s=60)
    attack = demo.state(visitor)["attack"]
    assert item not in seen
    assert attack["rank"] > 7
    assert attack["rank_if_believed"] == 1
    assert attack["sent"] == ATTACK_EVENTS == sum(attack["outcomes"].values())
    assert set(attack["outcomes"]) == {"accepted", "concentrated", "duplicate", "prefetch", "robot"}
    assert attack["outcomes"]["accepted"] < ATTACK_EVENTS / 50

    def told() -> dict[str, int]:
        after = outcomes_of(visitor.get("/metrics").text)
        return {reason: after.get(reason, 0) - before.get(reason, 0) for reason in attack["outcomes"]}

    # Readers of breaking news may share a network, and then some of theirs are over its share, too.
    wait_until(lambda: told()["concentrated"] >= attack["outcomes"]["concentrated"])
    wait_until(lambda: all(told()[reason] == attack["outcomes"][reason] for reason in ("prefetch", "robot")))
    page = html.unescape(visitor.get(f"/peragaan/mengapa/{item}").text)
    assert "<strong>1.500</strong> robot" in page
    assert "<strong>300</strong> dimuat tanpa dibuka" in page


def test_why_a_story_is_at_its_rank_adds_up(visitor: httpx2.Client) -> None:
    page = visitor.get(f"/peragaan/mengapa/{listed(visitor)[0]}").text
    body, foot = page.partition("<tbody>")[2].split("<tfoot>")
    values = [float(row.replace(".", "").replace(",", ".")) for row in re.findall(r"<td>([\d.,]+)</td></tr>", body)]
    total = re.search(r"<td>([\d.,]+)</td></tr>", foot)
    assert total is not None
    assert sum(values) == pytest.approx(float(total[1].replace(".", "").replace(",", ".")), abs=0.2)
    assert "<dt>Peringkat</dt>" in page


def test_another_site_cannot_press_the_buttons(visitor: httpx2.Client) -> None:
    for wish in ("breaking", "robots"):
        assert visitor.post(f"/demo/{wish}", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_picture_is_an_image_of_its_own(visitor: httpx2.Client) -> None:
    answer = visitor.get(f"/gambar/{listed(visitor)[0]}.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_an_unknown_page_is_an_indonesian_404(visitor: httpx2.Client) -> None:
    for path in ("/berita/tidak-ada", "/kanal/tidak-ada", "/tidak/ada", "/gambar/tidak-ada.svg", "/peragaan/mengapa/x"):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert "Halaman tidak ditemukan" in answer.text


def test_ctrl_c_ends_it_cleanly_and_says_nothing_of_faults() -> None:
    demo = Playing()
    code, told = demo.stop(signal.SIGINT)
    assert code == 0
    assert "Traceback" not in told
    assert "demo readers wait" not in told
    assert "did not stop in time" not in told
    with demo.client() as client, pytest.raises(httpx2.ConnectError):
        client.get("/")


def test_a_port_in_use_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("demo", "--port", str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert f"make demo ARGS='--port {port + 1}'" in done.stderr
    assert "Traceback" not in done.stderr
