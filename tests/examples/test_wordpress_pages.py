"""The WordPress plugin shows the service's list in pages of a real WordPress, escaped, and waits for nobody."""

import contextlib
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from newsrooms import NASTY, NONSENSE, TITLES, Page, misbehaving, saying, silent
from service import Service
from wordpress_site import PLUGIN, Site, php_text

NOTHING = '<populer-list list="populer" limit="7"></populer-list>'


def shortcode(site: Site, **attributes: str) -> str:
    """A list as a page of its own would have it."""
    given = php_text(json.dumps(attributes))
    return str(site.php(f"return populer_list(json_decode({given}, true));"))


def only_list(html: str) -> Page:
    """The first list of a page."""
    inside = html.partition("<populer-list")[2].partition("</populer-list>")[0]
    return Page(f"<populer-list{inside}</populer-list>")


def page(site: Site, post: int) -> str:
    """A post's page, as a reader gets it."""
    return httpx2.get(f"{site.url}/?p={post}", follow_redirects=True).raise_for_status().text


def expire(site: Site) -> None:
    """Let half a minute pass: what is kept for a day stays."""
    site.php("""
        global $wpdb;
        $wpdb->query("DELETE FROM $wpdb->options WHERE option_name LIKE '\\\\_transient%\\\\_populer\\\\_%'
            AND option_name NOT LIKE '%\\\\_last'");
    """)


@contextlib.contextmanager
def counting(site: Site, answer: Any) -> Any:
    """The site with a service that answers so; the paths that it is asked for."""
    asked: list[str] = []

    def counted(request: Any) -> None:
        asked.append(request.path)
        answer(request)

    with misbehaving(counted) as url:
        site.settings(url=url)
        yield asked


def test_the_script_names_the_article_and_no_other_page(site: Site, service: Service) -> None:
    post = site.publish("Dibuka")
    pages = [page(site, post), httpx2.get(site.url).text, page(site, site.publish("Halaman", post_type="page"))]
    tags = [re.findall(rf'<script src="{service.url}/populer.js" async[^>]* data-item="(\d*)"', html) for html in pages]
    assert tags == [[str(post)], [""], [""]]


def test_a_list_is_shown_as_the_service_has_it(site: Site) -> None:
    post = site.publish("Dengan daftar", post_content='[populer limit="4"]')
    shown = Page(
        "<populer-list"
        + page(site, post).partition("<populer-list")[2].partition("</populer-list>")[0]
        + "</populer-list>"
    )
    assert shown.of("populer-list") == [{"list": "populer", "limit": "4"}]
    assert [each["data-id"] for each in shown.of("li")] == list(TITLES)
    assert shown.text_of("populer-link") == list(TITLES.values())
    assert shown.of("time")[0]["datetime"] == "2025-11-30T19:29:00Z"
    assert shown.text_of("populer-time")[0] == "Senin, 01 Desember 2025 | 02:29"
    assert shown.text_of("populer-heading") == ["Populer"]
    assert shown.text_of("populer-more") == ["Selengkapnya"]
    assert [each["href"] for each in shown.of("a")][:2] == ["https://news.example/101", "https://news.example/102"]


def test_all_pages_share_one_answer_and_leave_their_own_article_out(bare_site: Site) -> None:
    post = bare_site.publish("Sendiri", post_content='[populer limit="1"]')
    other = bare_site.publish("Lain", post_content='[populer limit="1"]')
    rows = [{"id": str(post), "title": "Sendiri"}, {"id": "5000", "title": "Berikut"}]
    answer = json.dumps({"title": "Populer", "items": rows}).encode()
    with counting(bare_site, saying(answer)) as asked:
        own, others = page(bare_site, post), page(bare_site, other)
    assert ('data-id="5000"' in own, f'data-id="{post}"' in own) == (True, False)
    assert ('data-id="5000"' in others, f'data-id="{post}"' in others) == (False, True)
    assert asked == ["/v1/lists/populer?limit=2"]


def test_nothing_that_the_service_says_becomes_markup(bare_site: Site) -> None:
    item = {"id": NASTY, "title": NASTY, "url": "javascript:bad()", "published_label": NASTY, "published_at": NASTY}
    rows = [item, None, 7, {"id": "b", "url": "data:text/html,x", "title": []}]
    answer = {"title": NASTY, "more_label": NASTY, "items": rows}
    with counting(bare_site, saying(json.dumps(answer).encode())):
        shown = Page(shortcode(bare_site, list=NASTY, theme=NASTY, section=NASTY))
    assert {tag for tag, _ in shown.elements} == {"populer-list", "section", "h2", "ol", "li", "a", "time"}
    assert shown.of("li")[0]["data-id"] == NASTY
    assert shown.text_of("populer-link") == [NASTY, ""]
    assert [each.get("href", "") for each in shown.of("a")][:2] == ["", ""]


def test_a_section_is_asked_for_by_its_name(bare_site: Site) -> None:
    content = (
        '[populer section="Olah Raga &amp; Gaya"]<!-- wp:populer/list {"section":"Olah Raga \\u0026amp; Gaya"} /-->'
    )
    post = bare_site.publish("Rubrik", post_content=content)
    with counting(bare_site, saying(b'{"items":[]}')) as asked:
        html = page(bare_site, post)
    assert asked == ["/v1/lists/populer?limit=8&section=Olah+Raga+%26+Gaya"]
    assert html.count('section="Olah Raga &amp; Gaya"') == 2


def test_the_block_shows_the_list_in_a_page(site: Site) -> None:
    content = '<!-- wp:populer/list {"limit":"2","heading":"Paling dibaca","align":"wide"} /-->'
    html = page(site, site.publish("Blok", post_content=content))
    assert '<div class="alignwide wp-block-populer-list"><populer-list' in html
    shown = only_list(html)
    assert [each["data-id"] for each in shown.of("li")] == ["101", "102"]
    assert shown.text_of("populer-heading") == ["Paling dibaca"]


def test_the_editor_is_told_of_a_block_without_rows(site: Site) -> None:
    with site.browser() as browser:
        nonce = {"X-WP-Nonce": browser.get("/wp-admin/admin-ajax.php?action=rest-nonce").text}
        at = "/wp-json/wp/v2/block-renderer/populer/list"
        rendered = [
            browser.get(at, params={"context": "edit", "attributes[list]": name}, headers=nonce).json()["rendered"]
            for name in ("populer", "tidak-ada")
        ]
        editor = browser.get("/wp-admin/post-new.php").text
    assert "Harga cabai turun" in rendered[0]
    assert rendered[1] == "<p>The list is empty, or the service does not answer.</p>"
    assert "plugins/populer/block/editor.js" in editor


@pytest.mark.parametrize("script", sorted(PLUGIN.rglob("*.js")), ids=lambda script: script.name)
def test_a_script_is_javascript(script: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node here: apt-get install nodejs")
    subprocess.run([node, "--check", str(script)], check=True, timeout=60)


def test_a_widget_shows_it_and_its_form_is_escaped(site: Site) -> None:
    site.php("""
        update_option('widget_populer', [2 => ['list' => 'populer', 'limit' => '2', 'section' => '']]);
        wp_set_sidebars_widgets(['side' => ['populer-2']]);
    """)
    try:
        html = httpx2.get(site.url).text
    finally:
        site.php("wp_set_sidebars_widgets(['side' => []]);")
    assert "<aside><populer-list" in html
    assert html.partition("<aside>")[2].partition("</aside>")[0].count("<li") == 2
    form = Page(
        site.php(f"""
            ob_start();
            $widget = new Populer_Widget();
            $widget->form(['list' => {php_text(NASTY)}]);
            return ob_get_clean();
        """)
    )
    assert form.of("input")[0]["value"] == NASTY
    assert {tag for tag, _ in form.elements} == {"p", "label", "input"}


def test_with_the_service_away_the_last_list_stays_and_nobody_waits_twice(bare_site: Site, service: Service) -> None:
    answer = httpx2.get(f"{service.url}/v1/lists/populer?limit=8").content
    is_down = threading.Event()

    def sometimes(request: Any) -> None:
        saying(*((b"", 503) if is_down.is_set() else (answer, 200)))(request)

    with counting(bare_site, sometimes) as asked:
        before = shortcode(bare_site)
        is_down.set()
        expire(bare_site)
        after, again = shortcode(bare_site), shortcode(bare_site, list="update")
    assert after.partition("<li")[2] == before.partition("<li")[2] != ""
    assert again == NOTHING.replace('"populer"', '"update"')
    assert len(asked) == 2


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_service_that_talks_nonsense_leaves_the_place_empty(bare_site: Site, answer: Any) -> None:
    with counting(bare_site, answer):
        assert shortcode(bare_site) == NOTHING


def test_a_service_that_does_not_answer_is_waited_for_once(bare_site: Site) -> None:
    never = threading.Event()
    with counting(bare_site, silent(never)) as asked:
        first, again = shortcode(bare_site), shortcode(bare_site)
        never.set()
    assert (first, again, len(asked)) == (NOTHING, NOTHING, 1)


def test_lists_that_name_nothing_show_what_the_settings_say(bare_site: Site) -> None:
    with misbehaving(saying(b'{"items":[]}')) as url:
        bare_site.settings(url=url, list="trending", limit="3", site="koran")
        found = shortcode(bare_site)
    assert found == '<populer-list list="trending" limit="3" site="koran"></populer-list>'


def test_without_an_address_pages_have_nothing_of_the_plugin(bare_site: Site) -> None:
    bare_site.settings()
    html = page(bare_site, bare_site.publish("Sepi"))
    assert "populer.js" not in html
