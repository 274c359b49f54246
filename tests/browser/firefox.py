"""A Firefox without a head, in a profile of its own."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ended

#: First-run pages and updates off; nothing is asked that a test does not ask.
PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.auto", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
"""


@contextlib.contextmanager
def running_firefox(*arguments: str, preferences: str = "") -> Iterator[None]:
    """Firefox under `arguments` until the block ends; where there is none the test is skipped, and in CI fails."""
    program = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if not program:
        no_browser = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        no_browser("no Firefox here: apt-get install firefox-esr, or name one in FIREFOX")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        Path(folder, "user.js").write_text(PREFERENCES + preferences)
        process = subprocess.Popen(
            [str(program), "--headless", "--no-remote", "--profile", folder, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "HOME": folder, "MOZ_CRASHREPORTER_DISABLE": "1"},
        )
        stack.callback(ended, process)
        yield
