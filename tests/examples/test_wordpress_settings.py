"""The settings page of the WordPress plugin: what it stores, whom it lets in, and that the key never comes back."""

import gettext
import io
import re
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from newsrooms import NASTY
from service import Service
from wordpress_site import PLUGIN, Site, php_text

PAGE = "/wp-admin/options-general.php?page=populer"
SECRET = "a-write-key-that-must-not-be-seen"
TRANSLATED = re.compile(r"\b(?:__|esc_html__)\(\s*'((?:[^'\\]|\\.)*)',\s*'populer'\s*\)")
COUNTED = re.compile(r"\b_n\(\s*'((?:[^'\\]|\\.)*)',\s*'(?:[^'\\]|\\.)*',")


def nonce_of(html: str) -> str:
    """The nonce of the page's first form."""
    return html.partition("value='populer'")[2].partition('name="_wpnonce" value="')[2].partition('"')[0]


def stored(site: Site) -> dict[str, str]:
    return dict(site.php("return get_option('populer') ?: [];"))


def form(html: str, **fields: str) -> dict[str, str]:
    """What the page's form sends."""
    given = {f"populer[{name}]": value for name, value in fields.items()}
    return {"option_page": "populer", "action": "update", "_wpnonce": nonce_of(html), **given}


def test_the_page_stores_settings_and_never_shows_the_key(bare_site: Site) -> None:
    fields = {"url": "https://populer.example/", "site": "koran", "key": SECRET, "list": "update", "limit": "500"}
    with bare_site.browser() as browser:
        saved = browser.post("/wp-admin/options.php", data=form(browser.get(PAGE).text, **fields))
        assert stored(bare_site) == {**fields, "url": "https://populer.example", "limit": "100"}
        pages = [saved.text, browser.get(PAGE).text, browser.get("/wp-admin/options.php").text]
        nonce = browser.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        pages.append(browser.get("/wp-json/wp/v2/settings", headers={"X-WP-Nonce": nonce}).text)
        pages.append(browser.get("/wp-admin/post-new.php").text)
        assert [SECRET in page for page in pages] == [False] * 5
        assert 'value="https://populer.example"' in pages[1]
        assert "A key is stored." in pages[1]
        browser.post("/wp-admin/options.php", data=form(pages[1], **{**fields, "key": "", "limit": "5"}))
        assert (stored(bare_site)["key"], stored(bare_site)["limit"]) == (SECRET, "5")
        browser.post("/wp-admin/options.php", data=form(pages[1], **{**fields, "key": "", "forget": "1"}))
        assert stored(bare_site)["key"] == ""


def test_an_address_that_is_none_changes_nothing_and_is_said(bare_site: Site) -> None:
    bare_site.settings(url="https://populer.example")
    with bare_site.browser() as browser:
        html = browser.post(
            "/wp-admin/options.php", data=form(browser.get(PAGE).text, url="javascript:alert(1)", list=NASTY)
        ).text
    assert stored(bare_site)["url"] == "https://populer.example"
    assert "The address was not changed: it must begin with https:// or http://." in html


def test_whatever_is_stored_or_answered_is_escaped(bare_site: Site, service: Service) -> None:
    bare_site.settings(url=service.url, key="x", site=NASTY, list=NASTY)
    bare_site.php(f"populer_set_state(['error' => {php_text(NASTY)}, 'notes' => [{php_text(NASTY)}]]);")
    with bare_site.browser() as browser:
        html = browser.get(PAGE).text
    assert html.count("&lt;script&gt;bad()&lt;/script&gt;") == 4
    assert "<script>bad()" not in html
    assert "<img src=x" not in html


def test_nobody_without_a_nonce_or_the_right_changes_or_starts_anything(bare_site: Site, service: Service) -> None:
    bare_site.settings(url=service.url, key=SECRET)
    bare_site.php("wp_insert_user(['user_login' => 'budi', 'user_pass' => 'open sesame', 'role' => 'editor']);")
    with bare_site.browser() as browser:
        data = form(browser.get(PAGE).text, url="https://evil.example")
        assert browser.post("/wp-admin/options.php", data={**data, "_wpnonce": "wrong"}).status_code == 403
        assert browser.post("/wp-admin/admin-post.php", data={"action": "populer_sync"}).status_code == 403
        assert browser.post("/wp-admin/admin-ajax.php", data={"action": "populer_step"}).status_code == 403
    with bare_site.browser("budi") as browser:
        assert browser.get(PAGE).status_code == 403
        assert browser.post("/wp-admin/options.php", data=data).status_code == 403
        # Nonces of his own, as some other page might give him.
        for action, at in (("populer_sync", "admin-post.php"), ("populer_step", "admin-ajax.php")):
            cookie = next(c.value for c in browser.cookies.jar if c.name.startswith("wordpress_logged_in"))
            name = next(c.name for c in browser.cookies.jar if c.name.startswith("wordpress_logged_in"))
            nonce = bare_site.php(f"""
                $_COOKIE[{php_text(name)}] = urldecode({php_text(str(cookie))});
                wp_set_current_user(get_user_by('login', 'budi')->ID);
                return wp_create_nonce({php_text(action)});
            """)
            sent = {"action": action, "_wpnonce": nonce, "_ajax_nonce": nonce}
            assert browser.post(f"/wp-admin/{at}", data=sent).status_code == 403
    assert stored(bare_site)["url"] == service.url
    assert bare_site.php("return populer_waiting();") == 0


def test_the_page_says_what_waits_and_why(bare_site: Site) -> None:
    bare_site.settings(url="http://127.0.0.1:9", key=SECRET)
    bare_site.publish("Menunggu")
    with bare_site.browser() as browser:
        html = browser.get(PAGE).text
    assert "The service does not answer: " in html
    assert "The next try is at " in html
    assert "1 article waits to be sent." in html
    assert SECRET not in html


def test_what_wp_config_sets_is_shown_and_not_changed_and_its_key_not_shown(bare_site: Site) -> None:
    constants = bare_site.folder / "constants.php"
    constants.write_text(f"<?php define('POPULER_URL', 'https://populer.example'); define('POPULER_KEY', '{SECRET}');")
    try:
        with bare_site.browser() as browser:
            html = browser.get(PAGE).text
    finally:
        constants.unlink()
    assert html.count("Set in wp-config.php.") == 2
    assert 'value="https://populer.example" disabled' in html
    assert SECRET not in html


def test_a_site_in_indonesian_has_the_page_in_indonesian(bare_site: Site) -> None:
    bare_site.settings(url="http://127.0.0.1:9", key="x")
    installed = bare_site.folder / "wp-content" / "languages" / "id_ID.mo"
    installed.parent.mkdir(exist_ok=True)
    installed.write_bytes((PLUGIN / "languages" / "populer-id_ID.mo").read_bytes())
    bare_site.php("update_option('WPLANG', 'id_ID');")
    try:
        with bare_site.browser() as browser:
            html = browser.get(PAGE).text
    finally:
        bare_site.php("update_option('WPLANG', '');")
    assert "Alamat layanan" in html
    assert "0 artikel menunggu dikirim." in html


def sentences(source: Path) -> set[str]:
    text = source.read_text()
    return {found.replace("\\'", "'") for found in (*TRANSLATED.findall(text), *COUNTED.findall(text))}


@pytest.fixture(scope="module")
def catalogue() -> Path:
    return PLUGIN / "languages" / "populer-id_ID.po"


def test_every_sentence_is_translated(catalogue: Path) -> None:
    with catalogue.open("rb") as file:
        read = read_po(file, locale="id")
    known = {m.id if isinstance(m.id, str) else m.id[0] for m in read if m.id and m.string and not m.context}
    used = set().union(*(sentences(source) for source in PLUGIN.rglob("*.php")))
    header = re.search(r"Description: (.*)", (PLUGIN / "populer.php").read_text())
    assert header is not None
    assert known == used | {header[1]}


def test_the_compiled_translation_is_that_of_the_source(catalogue: Path) -> None:
    made = io.BytesIO()
    with catalogue.open("rb") as source:
        write_mo(made, read_po(source, locale="id"))
    made.seek(0)
    written = gettext.GNUTranslations(made)
    with catalogue.with_suffix(".mo").open("rb") as compiled:
        shipped = gettext.GNUTranslations(compiled)
    assert vars(shipped)["_catalog"].keys() == vars(written)["_catalog"].keys()
    assert all(
        shipped.gettext(sentence) == written.gettext(sentence)
        for sentence in vars(written)["_catalog"]
        if isinstance(sentence, str) and sentence
    ), "run: msgfmt -o populer-id_ID.mo populer-id_ID.po"
