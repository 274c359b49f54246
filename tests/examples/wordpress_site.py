"""A real WordPress on a MariaDB of its own, with the plugin: what PHP does in it, and what a browser sees of it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from newsrooms import EXAMPLES
from ports import free_ports, is_listening

PLUGIN = EXAMPLES / "wordpress" / "populer"
WORDPRESS = Path("/usr/share/wordpress")
START_S = 60.0
PASSWORD = "open sesame"

CONFIG = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
define('WP_HOME', '{url}');
define('WP_SITEURL', '{url}');
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_ACCESSIBLE_HOSTS', '127.0.0.1');
define('WP_DEBUG', true);
define('WP_DEBUG_DISPLAY', false);
define('WP_DEBUG_LOG', '{folder}/debug.log');
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY'] as $name) {{
    define($name, 'of a test');
}}
is_file('{folder}/constants.php') && require '{folder}/constants.php';
$table_prefix = 'wp_';
if (!defined('ABSPATH')) {{
    define('ABSPATH', __DIR__ . '/');
}}
require_once ABSPATH . 'wp-settings.php';
"""
# A theme that shows what the plugin has to do with: the head, a post's text, a sidebar.
THEME = """<?php
wp_head();
while (have_posts()) {
    the_post();
    the_content();
}
dynamic_sidebar('side');
wp_footer();
"""
FUNCTIONS = """<?php
register_sidebar(['id' => 'side', 'name' => 'Side', 'before_widget' => '<aside>', 'after_widget' => '</aside>']);
add_theme_support('post-thumbnails');
"""
INSTALL_DATABASE = ("--skip-test-db", "--auth-root-authentication-method=normal", "--innodb-log-file-size=8M")
RUN_DATABASE = ("--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=8M")
INSTALL = f"""
define('WP_INSTALLING', true);
require 'wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Koran', 'siti', 'siti@news.example', false, '', {PASSWORD!r});
switch_theme('koran');
update_option('active_plugins', ['populer/populer.php']);
update_option('permalink_structure', '/%category%/%postname%/');
flush_rewrite_rules();
"""
# `php -S` asks this first: what is no file is WordPress' own, under pretty addresses.
ROUTER = """<?php
$path = __DIR__ . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (is_file($path) || is_file("$path/index.php") && $path !== __DIR__ . '/') {
    return false;
}
$_SERVER['SCRIPT_NAME'] = '/index.php';
require __DIR__ . '/index.php';
"""


def what_is_missing() -> str:
    """What these tests need and is not here; empty: nothing."""
    if not shutil.which("php"):
        return "there is no PHP here: apt-get install php-cli"
    modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout.split()
    if "mysqli" not in modules:
        return "PHP has no mysqli here: apt-get install php-mysql"
    if not (WORDPRESS / "wp-settings.php").is_file():
        return "there is no WordPress here: apt-get install --no-install-recommends wordpress"
    if not (shutil.which("mariadbd", path=server_path()) and shutil.which("mariadb-install-db")):
        return "there is no MariaDB here: apt-get install mariadb-server-core"
    return ""


def server_path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin"


@contextlib.contextmanager
def database(folder: Path) -> Iterator[Path]:
    """A running MariaDB with an empty database `wordpress`; its socket."""
    data, at = folder / "mariadb", folder / "m.sock"
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    made = subprocess.run(
        ["mariadb-install-db", "--no-defaults", *as_root, f"--datadir={data}", *INSTALL_DATABASE],
        capture_output=True,
        text=True,
        check=False,
        timeout=START_S,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    mariadbd = shutil.which("mariadbd", path=server_path())
    assert mariadbd is not None
    with (folder / "mariadb.log").open("wb") as log:
        process = subprocess.Popen(
            [mariadbd, "--no-defaults", *as_root, f"--datadir={data}", f"--socket={at}", *RUN_DATABASE],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(at.exists, process, folder / "mariadb.log")
        create = ["mariadb", "--no-defaults", f"--socket={at}", "-uroot", "-e", "CREATE DATABASE wordpress"]
        subprocess.run(create, check=True, timeout=START_S, capture_output=True)
        yield at
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
        shutil.rmtree(data)


def wait_for(condition: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once `condition` holds; fail with the log where the process ends before."""
    deadline = time.monotonic() + START_S
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


class Site:
    """A WordPress with the plugin, reached at `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.compiled = compiled_in(folder)

    def php(self, code: str, *, cli: bool = False) -> Any:
        """What `code` returns in a request of its own, which ends as requests do."""
        before = "define('WP_CLI', true); require getenv('POPULER_TEST_CLI');" if cli else ""
        stand_in = Path(__file__).parent / "wp_cli_stand_in.php"
        whole = f"{before} require 'wp-load.php'; $r = (function () {{ {code} }})(); echo json_encode($r);"
        done = subprocess.run(
            ["php", *self.compiled, "-d", "display_errors=stderr", "-r", whole],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            timeout=START_S,
            env={**os.environ, "POPULER_TEST_CLI": str(stand_in)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def cli(self, code: str) -> list[str]:
        """What a command of WP-CLI prints."""
        printed: list[str] = self.php(f"{code} return WP_CLI::$printed;", cli=True)
        return printed

    def settings(self, **given: str) -> None:
        """Store these settings of the plugin, and forget what waits."""
        self.php(f"""
            global $wpdb;
            update_option('populer', json_decode({php_text(json.dumps(given))}, true));
            delete_option('populer_state');
            delete_post_meta_by_key('_populer_waiting');
            wp_clear_scheduled_hook('populer_send');
            $wpdb->query("DELETE FROM $wpdb->options WHERE option_name LIKE '%populer\\\\_gone\\\\_%'
                OR option_name LIKE '%transient%populer%' OR option_name = 'populer_lock'");
        """)  # noqa: S608

    def publish(self, title: str, **given: Any) -> int:
        """The id of a new post."""
        post = json.dumps({"post_title": title, "post_status": "publish", **given})
        code = f"return wp_insert_post(wp_slash(json_decode({php_text(post)}, true)));"
        return int(self.php(code))

    def faults(self) -> str:
        """What PHP and WordPress have complained of."""
        log = self.folder / "debug.log"
        return log.read_text() if log.exists() else ""

    @contextlib.contextmanager
    def browser(self, login: str = "siti") -> Iterator[httpx2.Client]:
        """A browser in which somebody is logged in."""
        with httpx2.Client(base_url=self.url, trust_env=False, timeout=60, follow_redirects=True) as client:
            client.get("/wp-login.php")
            form = {"log": login, "pwd": PASSWORD, "testcookie": "1"}
            client.post("/wp-login.php", data=form).raise_for_status()
            yield client


def compiled_in(folder: Path) -> list[str]:
    """Options of PHP with which each of its processes need not compile WordPress again."""
    cache = folder.with_name("opcache")
    cache.mkdir(exist_ok=True)
    options = {"opcache.enable_cli": 1, "opcache.file_cache": cache, "opcache.file_cache_only": 1}
    return [word for name, value in options.items() for word in ("-d", f"{name}={value}")]


def php_text(text: str) -> str:
    """A literal of PHP."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@contextlib.contextmanager
def installed(folder: Path) -> Iterator[Site]:
    """A WordPress in `folder`, served by PHP's own server."""
    with database(folder) as at:
        site = folder / "site"
        shutil.copytree(WORDPRESS, site)
        themes, plugins = site / "wp-content" / "themes" / "koran", site / "wp-content" / "plugins" / "populer"
        themes.mkdir(parents=True, exist_ok=True)
        (themes / "style.css").write_text("/* Theme Name: Koran */")
        (themes / "index.php").write_text(THEME)
        (themes / "functions.php").write_text(FUNCTIONS)
        shutil.copytree(PLUGIN, plugins)
        (site / "router.php").write_text(ROUTER)
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        (site / "wp-config.php").write_text(CONFIG.format(socket=at, url=url, folder=site))
        done = subprocess.run(
            ["php", "-r", INSTALL], cwd=site, capture_output=True, text=True, check=False, timeout=START_S
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (site / "debug.log").unlink(missing_ok=True)
        log = folder / "php.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["php", *compiled_in(site), "-S", f"127.0.0.1:{port}", "-t", str(site), str(site / "router.php")],
                stdout=out,
                stderr=out,
                env={**os.environ, "PHP_CLI_SERVER_WORKERS": "3"},
                start_new_session=True,
            )
        try:
            wait_for(lambda: is_listening(port), process, log)
            yield Site(site, url)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
            shutil.rmtree(site)  # half a hundred megabytes, of which pytest would keep three
            shutil.rmtree(folder / "opcache", ignore_errors=True)


def skip_without() -> None:
    """Skip, with a word, where something is missing, and in one of several processes: each would install its own."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("a WordPress is for one process of tests: make test-examples")
    if missing := what_is_missing():
        pytest.skip(missing)
