"""Why an item is where it is, and what another setting would do: the same numbers over HTTP and on the command line."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

sys.path.append(str(Path(__file__).parent))

from service import Service, run, serving, wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    data = tmp_path_factory.mktemp("questions") / "data"
    with serving(data) as service, service.client() as client:
        client.put("/v1/items", json=[{"id": item, "title": item.upper(), "section": "Politik"} for item in "abc"])
        events = [{"item": item, "ts": None} for item, n in {"a": 9, "b/1": 5, "c": 2}.items() for _ in range(n)]
        events += [{"item": "c", "kind": "click", "source": "list:populer", "position": 2}] * 4
        assert client.post("/v1/events", json=events).json()["accepted"] == len(events)
        wait_until(lambda: len(client.get("/v1/lists/populer").json().get("items", [])) == 3)
        yield service


@pytest.fixture
def admin(running: Service) -> Any:
    keys = json.loads((running.data_dir / "keys.json").read_text())["default"]
    headers = {"Authorization": f"Bearer {keys['admin']}"}
    with httpx2.Client(base_url=running.url, headers=headers, timeout=30) as client:
        yield client


def test_an_explanation_adds_up_to_the_published_score(admin: httpx2.Client) -> None:
    def published() -> dict[str, Any]:
        found: dict[str, Any] = admin.get("/v1/lists/populer").json()
        return found

    for item in ("a", "b/1", "c"):
        for _ in range(20):  # until no refresh comes in between
            before = published()
            found = admin.get(f"/v1/items/{item}/explain", params={"list": "populer"}).json()
            if published()["generated_at"] == before["generated_at"] == found["at"]:
                break
        entry = next(each for each in before["items"] if each["id"] == item)
        assert (found["rank"], found["score"]) == (entry["rank"], entry["score"])
        counted = 0.0
        for channel in found["channels"]:
            decayed = 0.0
            for bucket in channel["buckets"]:
                decayed += bucket["events"] * bucket["weight"]
            counted += decayed * channel["weight"]
        assert counted == found["counted"] == found["score"]
        assert found["config_version"] == before["config_version"]


def test_the_command_line_says_the_same_in_words(running: Service) -> None:
    done = run("explain", "c", "--data", str(running.data_dir), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [channel["channel"] for channel in found["channels"]] == ["click@list:populer#2", "view"]
    said = run("explain", "c", "--data", str(running.data_dir), "--set", "self_click_weight=0").stdout
    assert "It is at rank 3." in said
    assert re.search(r"^score: .+ = \d", said, re.MULTILINE)
    assert "above: rank 2, b/1" in said
    assert run("explain", "nobody", "--data", str(running.data_dir)).stderr == (
        "populer: nothing is known of item 'nobody': no event and no description\n"
    )


def test_a_preview_stands_beside_the_live_list(admin: httpx2.Client) -> None:
    body = {"list": "populer", "settings": {"weights": {"view": 0, "click": 1}}, "at": None}
    found = admin.post("/v1/preview", json=body).json()
    assert [entry["id"] for entry in found["live"]] == ["c", "a", "b/1"], found
    assert [(entry["id"], entry["rank"]) for entry in found["preview"]] == [("c", 1)]
    (entry,) = found["preview"]
    assert entry["move"] == entry["live_rank"] - 1
    assert set(found["left"]) == {"a", "b/1"}
    assert found["entered"] == []
    same = admin.post("/v1/preview", json={"list": "populer"}).json()
    assert all(entry["move"] == 0 for entry in same["preview"])
    preset = admin.post("/v1/preview", json={"settings": {"preset": "hacker-news"}}).json()
    assert len(preset["preview"]) == 3


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("/v1/items/nobody/explain", None, 404, "nothing is known of item 'nobody'"),
        ("/v1/items/a/explain?list=other", None, 404, "no list is called 'other'"),
        ("/v1/items/a/explain?section=Sastra", None, 404, "no item is in a section called 'Sastra'"),
        ("/v1/items/a/explain?at=yesterday", None, 422, "at: expected"),
        ("/v1/preview", {"list": "other"}, 404, "no list is called 'other'"),
        ("/v1/preview", {"settings": {"half_life": "-3h"}}, 422, "settings.half_life: expected a duration"),
        ("/v1/preview", {"settings": {"halflife": "3h"}}, 422, "settings.halflife: is not a setting"),
        ("/v1/preview", {"settings": {"half_life": 2}}, 422, "settings.half_life: expected a duration such as"),
        ("/v1/preview", {"settings": {"gravity": 2}}, 422, "settings.gravity: has no effect with aging ="),
        ("/v1/preview", {"settings": {"preset": "hackernews"}}, 422, "hacker-news"),
        ("/v1/preview", {"limit": 0}, 422, "limit: expected"),
        ("/v1/preview", [1], 422, "Expected `object`"),
        ("/v1/preview", {"at": 1e300}, 422, "at: expected"),
    ],
)
def test_what_cannot_be_answered_is_said(
    admin: httpx2.Client, path: str, body: Any, status: int, sentence: str
) -> None:
    answer = admin.get(path) if body is None else admin.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert sentence in answer.json()["detail"]


def test_only_the_admin_may_ask(running: Service) -> None:
    with running.client() as writer:
        assert writer.get("/v1/items/a/explain").status_code == 403
        assert writer.post("/v1/preview", json={}).status_code == 403
    assert httpx2.get(f"{running.url}/v1/items/a/explain").status_code == 401
