"""Firefox, where a beacon's `Origin` is `null` under the policies that Django and helmet send."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from conftest import StandIn, ended, serving, wait_until
from stand import Answer, Stand

Start = Callable[[str], None]
#: First-run pages and updates off; nothing is asked that a test does not ask.
PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.auto", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
"""


@pytest.fixture
def firefox() -> Iterator[Start]:
    """Opens a page in a Firefox that nobody drives."""
    found = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if not found:
        no_browser = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        no_browser("no Firefox here: apt-get install firefox-esr, or name one in FIREFOX")
    with contextlib.ExitStack() as stack:

        def start(url: str) -> None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            Path(folder, "user.js").write_text(PREFERENCES)
            process = subprocess.Popen(
                [str(found), "--headless", "--no-remote", "--profile", folder, url],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "HOME": folder, "MOZ_CRASHREPORTER_DISABLE": "1"},
            )
            stack.callback(partial(ended, process))

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
