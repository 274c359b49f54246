"""The client for JavaScript on servers: what it sends to a running service counts once, whatever is in between."""

import contextlib
import os
import shutil
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from newsrooms import EXAMPLES, NONSENSE, TITLES, misbehaving, saying, silent
from node_lines import running_node
from service import Service, wait_until

FOLDER = EXAMPLES / "node"
DRIVER = EXAMPLES.parent / "tests" / "examples" / "node_driver.mjs"
CLOSED = "http://127.0.0.1:9"

Client = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no Node here: apt-get install nodejs")
    return found


@pytest.fixture(scope="module")
def client(node: str) -> Iterator[Client]:
    """Calls the client."""
    with running_node(node, str(DRIVER), (FOLDER / "populer.mjs").as_uri()) as lines:

        def called(url: str, call: str, *given: Any, **options: Any) -> dict[str, Any]:
            return dict(lines.ask(options={"url": url, "pauseMs": 1, **options}, call=call, given=given))

        yield called


@pytest.fixture
def item() -> str:
    return f"node {uuid.uuid4()}"


@contextlib.contextmanager
def losing(service: Service, answers: int) -> Iterator[tuple[str, list[str]]]:
    """A way to the service that loses its first answers; its address, and the requests that came through."""
    asked: list[str] = []

    def forward(request: Any) -> None:
        sent = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
        found = httpx2.request(
            request.command, service.url + request.path, content=request.content, headers=sent, trust_env=False
        )
        asked.append(f"{request.command} {request.path}")
        if len(asked) > answers:
            saying(found.content, found.status_code, "application/json")(request)
        else:
            request.connection.close()

    with misbehaving(forward) as url:
        yield url, asked


def test_articles_are_described_changed_named_and_taken_down(client: Client, service: Service, item: str) -> None:
    keyed = {"key": service.write_key}
    url = f"https://news.example/{item.replace(' ', '-')}"
    said = client(service.url, "describe", [{"id": item, "title": "A & B", "url": url, "colour": 1}], **keyed)
    assert (said["answer"]["stored"], said["answer"]["items"][0]["ok"]) == (1, True)
    assert said["answer"]["items"][0]["ignored"][0].startswith("colour: is no field")
    assert client(service.url, "change", item, {"title": "C"}, **keyed)["answer"]["title"] == "C"
    named = client(service.url, "alias", item, {"ids": [f"{item} of old"]}, **keyed)
    assert named["answer"]["aliases"] == [f"{item} of old"]
    assert client(service.url, "takeDown", item, **keyed) == {"answer": None}
    again = client(service.url, "describe", [{"id": item, "title": "D"}], **keyed)
    assert again["answer"]["items"][0]["error"].startswith("is taken down.")
    assert client(service.url, "publish", {"id": item, "title": "E"}, **keyed)["answer"]["title"] == "E"


def test_a_list_is_read_without_a_key(client: Client, service: Service) -> None:
    found = client(service.url + "/", "list", "populer", {"limit": 2, "exclude": "101"})["answer"]
    assert [row["title"] for row in found["items"]] == list(TITLES.values())[1:3]


def test_events_whose_answers_are_lost_count_once(client: Client, service: Service, item: str) -> None:
    with losing(service, 2) as (url, asked):
        said = client(url, "record", [{"item": item}] * 3, key=service.write_key)
    assert asked == ["POST /v1/events"] * 3
    assert (said["answer"]["accepted"], said["answer"]["duplicate"]) == (0, 3), "the first try counted"
    with service.client() as other:
        other.put("/v1/items", json=[{"id": item, "title": "Sekali"}]).raise_for_status()
        admin = {"Authorization": f"Bearer {service.admin_key}"}

        def counted() -> float:
            found = other.get(f"/v1/items/{item}/explain", headers=admin).json()
            return sum(channel["events"] for channel in found.get("channels", []))

        wait_until(lambda: counted() > 0)
        assert counted() == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_service_that_cannot_now_is_asked_again(client: Client, service: Service, status: int) -> None:
    count = iter(range(3))
    content = httpx2.get(f"{service.url}/v1/lists/populer").content

    def sometimes(request: Any) -> None:
        saying(*((b"{}", status) if next(count) < 2 else (content, 200)))(request)

    with misbehaving(sometimes) as url:
        assert client(url, "list", "populer")["answer"]["list"] == "populer"


def test_a_deadline_ends_the_tries(client: Client) -> None:
    away = client(CLOSED, "record", {"item": "x"}, deadlineMs=50)
    assert (away["status"], away["error"].startswith(f"The service at {CLOSED} does not answer: ")) == (0, True)
    never = threading.Event()
    with misbehaving(silent(never)) as url:
        assert client(url, "takeDown", "x", deadlineMs=60, requestMs=20)["status"] == 0
        never.set()


def test_what_is_refused_is_not_tried_again_and_says_why(client: Client, service: Service) -> None:
    refused = client(service.url, "describe", [{"id": "x"}], key="wrong")
    assert (refused["status"], "answer" in refused) == (401, False)
    invalid = client(service.url, "describe", [{"id": ""}, {"id": " "}], key=service.write_key)["answer"]
    assert invalid["stored"] == 0
    assert [each["error"] for each in invalid["items"]] == ["id: must not be empty"] * 2
    assert "url must be an address" in client("populer.example", "list", "populer")["error"]


@pytest.mark.parametrize("name", ["a page", "nothing", "null"])
def test_what_is_no_service_is_said(client: Client, name: str) -> None:
    with misbehaving(NONSENSE[name]) as url:
        assert client(url, "list", "populer")["error"] == f"What answers at {url} is no Populer service."


def test_a_page_that_was_saved_is_told_and_a_service_that_is_away_breaks_nothing(
    node: str, service: Service, item: str, tmp_path: Path
) -> None:
    for file in (FOLDER / "populer.mjs", EXAMPLES / "react" / "populer-articles.mjs"):
        shutil.copy(file, tmp_path)
    module = (tmp_path / "populer-articles.mjs").as_uri()
    code = f"""
        const {{ articleChanged, articlePublished, articleRemoved }} = await import({module!r});
        await articlePublished({{ id: {item!r}, title: "Terbit" }});
        if (process.env.POPULER_URL === {CLOSED!r}) process.exit();
        await articleChanged({{ id: {item!r}, tags: ["satu"] }});
        await articlePublished({{ id: "gone {item}", title: "Ditarik" }});
        await articleRemoved("gone {item}");
        await articleChanged({{ id: "gone {item}", title: "Masih ditarik" }});
    """
    said = []
    for url in (service.url, CLOSED):
        env = {**os.environ, "POPULER_URL": url, "POPULER_KEY": service.write_key}
        command = [node, "--input-type=module", "-e", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, timeout=100)
        said.append(done.stderr.count("run populer-sync"))
    assert said == [0, 1]
    with service.client() as client:
        found = client.get(f"/v1/items/{item}").json()
        assert (found["title"], found["tags"]) == ("Terbit", ["satu"])
        assert client.get(f"/v1/items/gone {item}").status_code == 404


def synced(node: str, module: Path, url: str, key: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "POPULER_URL": url, "POPULER_KEY": key}
    command = [node, str(FOLDER / "populer-sync.mjs"), str(module)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=100)


def test_the_command_describes_all_that_a_module_gives(node: str, service: Service, tmp_path: Path) -> None:
    module = tmp_path / "articles.mjs"
    module.write_text("""
        export default async function* () {
            for (let n = 0; n < 1203; n += 1) yield { id: `arsip-${n}`, title: `Arsip ${n}`, url: `/arsip/${n}` };
            yield { id: " ", title: "tanpa id" };
        }
    """)
    done = synced(node, module, service.url, service.write_key)
    assert (done.returncode, done.stdout) == (1, "1203 articles were described, 1 were refused.\n")
    assert done.stderr.strip().endswith("id: must not be empty")
    with service.client() as client:
        assert client.get("/v1/items/arsip-1202").json()["title"] == "Arsip 1202"


def test_the_command_says_why_it_could_not(node: str, tmp_path: Path) -> None:
    module = tmp_path / "articles.mjs"
    module.write_text('export default [{ id: "1", title: "Satu" }];')
    with misbehaving(saying(b'{"detail": "Name a key."}', 401)) as url:
        done = synced(node, module, url, "wrong")
        assert (done.returncode, done.stdout) == (1, "")
        sentence = f"The service at {url} answered 401. Name a key. 0 articles were described; run it again."
        assert done.stderr.strip() == sentence
    assert synced(node, module, "", "").stderr.startswith("Usage: ")


def test_its_comments_are_types(node: str, tmp_path: Path) -> None:
    modules = Path(os.environ.get("POPULER_NODE_MODULES", "node_modules"))
    if not (modules / "typescript").is_dir():
        pytest.skip("there is no TypeScript here: make test-examples")
    shutil.copy(FOLDER / "populer.mjs", tmp_path)
    (tmp_path / "use.mts").write_text("""
        import { Populer, PopulerError } from "./populer.mjs";
        const populer = new Populer({ url: "https://populer.example", key: "x" });
        export const title: string = (await populer.list("populer")).items[0].title;
        export const stored: number = (await populer.describe([{ id: "1", image: { url: "/a.jpg" } }])).stored;
        // @ts-expect-error a misspelt field
        await populer.describe([{ id: "1", titel: "x" }]);
        export const status = (error: unknown): number => (error instanceof PopulerError ? error.status : 0);
    """)
    options = ["--strict", "--checkJs", "--allowJs", "--noEmit", "--module", "nodenext", "--target", "es2023"]
    compiler = str(modules / "typescript" / "bin" / "tsc")
    command = [node, compiler, *options, "--lib", "es2023,dom,dom.iterable", "use.mts"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=100)
    assert done.stdout == ""
