"""Firefox, where a beacon's `Origin` is `null` under the policies that Django and helmet send."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import StandIn, serving, wait_until
from firefox import running_firefox
from stand import Answer, Stand

Start = Callable[[str], None]


@pytest.fixture
def firefox() -> Iterator[Start]:
    """Opens a page in a Firefox that nobody drives."""
    with contextlib.ExitStack() as stack:

        def start(url: str) -> None:
            stack.enter_context(running_firefox(url))

        yield start


def test_events_are_taken_whatever_the_pages_referrer_policy_is(firefox: Start) -> None:
    policies = ("same-origin", "no-referrer", "strict-origin")
    with Stand() as site, tempfile.TemporaryDirectory(prefix="populer-", dir="/tmp") as folder:
        config = Path(folder, "populer.toml")
        config.write_text(f'[[sites]]\nid = "default"\norigins = ["{site.url}"]\n')
        with serving(Path(folder, "data"), "--config", str(config)) as service, service.client() as http:
            following = dict(zip(policies, [*policies[1:], ""], strict=True))
            for policy, after in following.items():
                go = f'<meta http-equiv="refresh" content="2;url=/{after}">' if after else ""
                page = f'<!doctype html>{go}<script async src="{service.url}/populer.js" data-item="{policy}"></script>'
                site.answers[f"/{policy}"] = Answer(page.encode(), headers={"referrer-policy": policy})
            firefox(f"{site.url}/{policies[0]}")

            def outcomes() -> list[str]:
                return [line for line in http.get("/metrics").text.splitlines() if "populer_events_total{" in line]

            wait_until(lambda: any('"accepted"' in line and line.endswith(" 3.0") for line in outcomes()))
            assert not [line for line in outcomes() if '"origin"' in line and not line.endswith(" 0.0")]


def test_a_tab_is_one_reader_in_firefox_too(firefox: Start, site: Stand, standin: StandIn) -> None:
    tag = f'<script async src="{standin.url}/populer.js" data-item="ITEM"></script>'
    site.page("/satu", tag.replace("ITEM", "a"), head='<meta http-equiv="refresh" content="2;url=/dua">')
    site.page("/dua", tag.replace("ITEM", "b"))
    firefox(site.url + "/satu")
    wait_until(lambda: len(standin.events()) == 2)
    assert standin.events() == [{"item": "a"}, {"item": "b"}]
    first, second = standin.visitors()
    assert first == second
    assert first
