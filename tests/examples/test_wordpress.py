"""The WordPress plugin tells a running service what a real WordPress publishes, changes and takes down."""

import json
import threading
from typing import Any

import httpx2
import pytest
from newsrooms import listed, misbehaving, saying, silent
from ports import free_ports
from service import Service, wait_until
from wordpress_site import Site, php_text

RECIPES = """<?php
add_action('init', function () {
    register_taxonomy('dapur', 'resep', ['public' => true, 'hierarchical' => true]);
    register_taxonomy('bahan', 'resep', ['public' => true]);
    register_post_type('resep', ['public' => true, 'label' => 'Resep', 'supports' => ['title', 'thumbnail']]);
    register_post_type('catatan', ['public' => false]);
});
"""
PICTURE = """
    $id = wp_insert_attachment(['post_mime_type' => 'image/png', 'post_title' => 'cabai'], '2025/12/cabai.png');
    update_post_meta($id, '_wp_attachment_image_alt', 'Cabai &amp; tomat');
    wp_update_attachment_metadata($id, ['width' => 300, 'height' => 200, 'file' => '2025/12/cabai.png', 'sizes' => []]);
    return $id;
"""


def found(service: Service, item: int) -> dict[str, Any]:
    """What the service has of an item; empty: nothing."""
    with service.client() as client:
        answer = client.get(f"/v1/items/{item}")
    return dict(answer.json()) if answer.status_code == 200 else {}


def waiting(site: Site) -> int:
    return int(site.php("return populer_waiting();"))


def state(site: Site) -> dict[str, Any]:
    return dict(site.php("return populer_state();"))


def cron(site: Site) -> None:
    """What WP-Cron does of the plugin."""
    site.php("do_action('populer_send');")


def category(site: Site, name: str, **given: Any) -> int:
    args = php_text(json.dumps(given))
    return int(site.php(f"return wp_insert_term({php_text(name)}, 'category', json_decode({args}, true))['term_id'];"))


@pytest.fixture
def nobody() -> str:
    """The address of a service that is not there."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


def test_a_published_post_is_described_with_all_that_wordpress_knows(site: Site, service: Service) -> None:
    section = category(site, "Olah Raga & Gaya")
    picture = site.php(PICTURE)
    post = site.publish(
        "Harga “cabai” & <em>tomat</em> turun",
        post_author=1,
        post_date_gmt="2025-11-30 19:29:00",
        post_date="2025-11-30 19:29:00",
        post_excerpt="Di pasar &amp; warung",
        post_category=[section],
        tags_input=["Cabai & Co", "pasar"],
        meta_input={"_thumbnail_id": picture},
    )
    item = found(service, post)
    assert (item["title"], item["summary"]) == ("Harga “cabai” & tomat turun", "Di pasar & warung")
    assert (item["section"], item["sections"]) == ("Olah Raga & Gaya", ["Olah Raga & Gaya"])
    assert (item["tags"], item["authors"], item["type"]) == (["Cabai & Co", "pasar"], ["siti"], "post")
    assert item["published_at"] == 1_764_530_940
    assert item["url"].startswith(f"{site.url}/olah-raga-gaya/harga-")
    assert item["image"]["alt"] == "Cabai & tomat"
    assert (item["image"]["width"], item["image"]["height"]) == (300, 200)
    assert item["image"]["url"].endswith("/cabai.png")
    assert "&amp;" not in json.dumps(item)


def test_other_types_of_posts_are_described_and_what_readers_cannot_open_is_not(site: Site, service: Service) -> None:
    extra = site.folder / "wp-content" / "mu-plugins" / "recipes.php"
    extra.parent.mkdir(exist_ok=True)
    extra.write_text(RECIPES)
    try:
        recipe = site.publish(
            "Soto", post_type="resep", tax_input={"dapur": [], "bahan": "ayam, serai"}, meta_input={"x": "y"}
        )
        site.php(f"wp_set_object_terms({recipe}, ['Jawa & Madura'], 'dapur');")
        site.php(f"wp_set_object_terms({recipe}, ['ayam', 'serai'], 'bahan');")
        others = [
            site.publish("Catatan", post_type="catatan"),
            site.publish("Halaman", post_type="page"),
            site.publish("Konsep", post_status="draft"),
            site.publish("Rahasia", post_password="x"),
            site.publish("Pribadi", post_status="private"),
            site.publish("Besok", post_status="future", post_date="2099-01-01 00:00:00"),
        ]
    finally:
        extra.unlink()
    item = found(service, recipe)
    assert (item["type"], item["sections"], item["tags"]) == ("resep", ["Jawa & Madura"], ["ayam", "serai"])
    assert [found(service, each) for each in others] == [{}] * len(others)
    assert waiting(site) == 0


def test_each_change_of_a_post_is_told_and_what_is_taken_away_is_taken_away(site: Site, service: Service) -> None:
    post = site.publish("Judul", tags_input=["satu"], post_excerpt="Ringkas")
    site.php(f"wp_update_post(['ID' => {post}, 'post_title' => 'Judul baru', 'post_excerpt' => '']);")
    assert (found(service, post)["title"], found(service, post)["summary"]) == ("Judul baru", None)
    site.php(f"wp_set_post_tags({post}, ['dua']);")
    assert found(service, post)["tags"] == ["dua"]
    site.php(f"wp_set_post_tags({post}, []);")
    assert found(service, post)["tags"] == []
    site.php(f"wp_set_post_categories({post}, [{category(site, 'Ekonomi')}]);")
    assert found(service, post)["section"] == "Ekonomi"
    picture = site.php(PICTURE)
    site.php(f"set_post_thumbnail({post}, {picture});")
    assert found(service, post)["image"]["alt"] == "Cabai & tomat"
    site.php(f"delete_post_thumbnail({post});")
    assert found(service, post)["image"] is None


def test_a_scheduled_post_is_described_when_it_is_published(site: Site, service: Service) -> None:
    post = site.publish("Nanti", post_status="future", post_date="2099-01-01 00:00:00")
    assert found(service, post) == {}
    site.php(f"wp_publish_post({post});")
    assert found(service, post)["title"] == "Nanti"


def test_what_is_no_longer_published_is_taken_down_and_comes_back(site: Site, service: Service) -> None:
    post = site.publish("Ditarik")
    with service.client() as client:
        client.post("/v1/events", json=[{"item": str(post)}] * 200).raise_for_status()
    wait_until(lambda: str(post) in listed(service.url))
    site.php(f"wp_trash_post({post});")
    assert str(post) not in listed(service.url)
    assert found(service, post) == {}
    site.php(f"wp_untrash_post({post}); wp_publish_post({post});")
    assert found(service, post)["title"] == "Ditarik"
    site.php(f"wp_update_post(['ID' => {post}, 'post_password' => 'x']);")
    assert found(service, post) == {}
    site.php(f"wp_update_post(['ID' => {post}, 'post_password' => '']);")
    assert found(service, post)["title"] == "Ditarik"
    site.php(f"wp_delete_post({post}, true);")
    assert found(service, post) == {}
    assert waiting(site) == 0


def test_what_an_editor_took_down_in_the_service_stays_down(site: Site, service: Service) -> None:
    post = site.publish("Salah")
    with service.client() as client:
        client.delete(f"/v1/items/{post}").raise_for_status()
    site.php(f"wp_update_post(['ID' => {post}, 'post_title' => 'Salah lagi']);")
    assert found(service, post) == {}
    assert waiting(site) == 0
    (note,) = state(site)["notes"]
    assert note.startswith(f"Post {post}: is taken down.")
    site.php(f"wp_delete_post({post}, true);")


def test_a_category_that_is_renamed_is_renamed_in_all_its_articles(site: Site, service: Service) -> None:
    parent = category(site, "Hiburan & TV", slug="hiburan")
    child = category(site, "Film", slug="film", parent=parent)
    other = site.publish("Lain")
    posts = site.php(f"""
        return array_map(fn($n) => wp_insert_post(['post_title' => "Tontonan $n", 'post_status' => 'publish',
            'post_category' => [$n % 2 ? {child} : {parent}]]), range(1, 110));
    """)
    cron(site)
    before = {each: found(service, each)["url"] for each in (posts[0], posts[1], other)}
    assert before[posts[0]].startswith(f"{site.url}/hiburan/film/")
    code = f"wp_update_term({parent}, 'category', ['name' => 'Seni & Budaya', 'slug' => 'seni']);"
    site.php(code)
    cron(site)
    sections = [found(service, each)["sections"] for each in (posts[-1], posts[0], posts[1], other)]
    assert sections == [["Seni & Budaya"], ["Film"], ["Seni & Budaya"], ["Uncategorized"]]
    assert found(service, posts[0])["url"].startswith(f"{site.url}/seni/film/")
    assert waiting(site) == 0
    with service.client() as client:
        names = client.get(f"/v1/items/{posts[0]}/aliases").json()
    assert names["aliases"] == [before[posts[0]].removeprefix("http://").rstrip("/")]


def test_a_category_that_is_deleted_moves_what_is_below_it(site: Site, service: Service) -> None:
    top = category(site, "Gaya", slug="gaya")
    child = category(site, "Mode", slug="mode", parent=top)
    own = site.publish("Di atas", post_category=[top])
    below = site.publish("Di bawah", post_category=[child])
    assert found(service, below)["url"] == f"{site.url}/gaya/mode/di-bawah/"
    site.php(f"wp_delete_term({top}, 'category');")
    cron(site)
    assert found(service, below)["url"] == f"{site.url}/mode/di-bawah/"
    assert (found(service, own)["sections"], waiting(site)) == (["Uncategorized"], 0)


def test_readers_of_a_former_permalink_count_for_the_post(site: Site, service: Service) -> None:
    post = site.publish("Judul lama", post_name="judul-lama")
    before = found(service, post)["url"]
    site.php(f"wp_update_post(['ID' => {post}, 'post_name' => 'judul-baru']);")
    assert found(service, post)["url"].endswith("/judul-baru/")
    with service.client() as client:
        client.post("/v1/events", json=[{"url": before}] * 300).raise_for_status()
    wait_until(lambda: str(post) in listed(service.url))
    try:
        site.php("global $wp_rewrite; $wp_rewrite->set_permalink_structure('/baca/%post_id%/');")
        cron(site)
        assert found(service, post)["url"] == f"{site.url}/baca/{post}/"
        with service.client() as client:
            names = client.get(f"/v1/items/{post}/aliases").json()["aliases"]
        assert [name.rpartition("/")[2] for name in sorted(names)] == ["judul-baru", "judul-lama"]
    finally:
        site.php("global $wp_rewrite; $wp_rewrite->set_permalink_structure('/%category%/%postname%/');")


def old_posts(site: Site, title: str) -> list[int]:
    """The ids of 500 posts that were published before the plugin had a key."""
    site.settings()
    posts: list[int] = site.php(f"""
        global $wpdb;
        $at = current_time('mysql');
        $slug = sanitize_title('{title}');
        $row = fn($n) => $wpdb->prepare("(1, %s, %s, 'publish', 'post', %s, %s)", "{title} $n", "$slug-$n", $at, $at);
        $rows = array_map($row, range(1, 500));
        $wpdb->query("INSERT INTO $wpdb->posts (post_author, post_title, post_name, post_status, post_type, post_date,
            post_date_gmt) VALUES " . implode(', ', $rows));
        return array_map('intval', $wpdb->get_col("SELECT ID FROM $wpdb->posts WHERE post_name LIKE '$slug-%'"));
    """)  # noqa: S608
    return posts


def described(service: Service, posts: list[int]) -> int:
    """How many of these the service has."""
    with service.client() as client:
        rows = client.get("/v1/items", params={"format": "ndjson"}).text.splitlines()
    return len({json.loads(row)["id"] for row in rows} & {str(each) for each in posts})


def test_wp_cli_describes_old_posts_and_takes_down_what_is_gone(site: Site, service: Service) -> None:
    gone = site.publish("Sudah tidak ada")
    posts = old_posts(site, "Arsip")
    site.php(f"wp_trash_post({gone});")
    assert found(service, gone) != {}, "the plugin had no key"
    site.settings(url=service.url, key=service.write_key)
    *_, bar, success = site.cli("WP_CLI::run('populer', 'sync');")
    assert described(service, posts) == 500
    assert found(service, gone) == {}
    assert int(bar.removeprefix("bar: ")) > 500
    assert success == f"Success: {bar.removeprefix('bar: ')} articles were sent."
    assert waiting(site) == 0


def test_wp_cli_says_why_it_could_not(site: Site, nobody: str) -> None:
    site.publish("Menunggu")
    site.settings(url=nobody, key="wrong")
    *_, error = site.cli("WP_CLI::run('populer', 'sync');")
    assert error.startswith("Error: The service does not answer: ")
    assert error.endswith(f"WP-Cron will send what still waits ({waiting(site)}).")
    site.settings()
    (error,) = site.cli("WP_CLI::run('populer', 'sync');")
    assert error == "Error: The service and its key are not set. Enter them under Settings → Populer."


def test_the_settings_page_describes_old_posts_in_steps(site: Site, service: Service) -> None:
    posts = old_posts(site, "Lama")
    site.settings(url=service.url, key=service.write_key)
    with site.browser() as browser:
        page = browser.get("/wp-admin/options-general.php?page=populer").text
        nonce = page[page.index('value="populer_sync"') :].partition('name="_wpnonce" value="')[2].partition('"')[0]
        form = {"action": "populer_sync", "_wpnonce": nonce}
        page = browser.post("/wp-admin/admin-post.php", data=form).text
        assert "steps.js" in page
        left = waiting(site)
        assert left >= 400
        step = json.loads(page.partition("var populerSteps = ")[2].partition(";\n")[0])
        for _ in range(30):
            answer = browser.post(step["url"], data={"action": "populer_step", "_ajax_nonce": step["nonce"]}).json()
            last, left = left, answer["data"]["waiting"]
            assert left == max(0, last - 100)
            if left == 0:
                break
        assert described(service, posts) == 500
        site.php(f"populer_mark({posts[0]}); populer_lock(); remove_all_actions('shutdown');")
        busy = browser.post(step["url"], data={"action": "populer_step", "_ajax_nonce": step["nonce"]}).json()
    assert answer["data"] == {"waiting": 0, "text": "0 articles wait to be sent.", "done": last, "failed": False}
    assert busy["data"] == {"waiting": 1, "text": "1 article waits to be sent.", "done": 0, "failed": False}


def test_with_the_service_away_publishing_goes_on_and_is_told_later(site: Site, service: Service, nobody: str) -> None:
    before = site.publish("Dihapus nanti")
    site.settings(url=nobody, key=service.write_key)
    post = site.publish("Terbit juga")
    site.php(f"wp_delete_post({before}, true);")
    now = state(site)
    assert (now["failures"], now["error"].startswith("The service does not answer: ")) == (1, True)
    assert waiting(site) == 2
    assert site.php("return wp_next_scheduled('populer_send');") >= now["not_before"]
    cron(site)
    assert state(site)["failures"] == 2
    site.php(f"update_option('populer', ['url' => {php_text(service.url)}] + get_option('populer'));")
    cron(site)
    assert found(service, post)["title"] == "Terbit juga"
    assert found(service, before) == {}
    assert (waiting(site), state(site)["error"], state(site)["failures"]) == (0, "", 0)


def test_a_service_that_does_not_answer_is_asked_once_and_then_left_to_wp_cron(site: Site) -> None:
    never = threading.Event()
    asked: list[str] = []

    def answer(request: Any) -> None:
        asked.append(request.command)
        silent(never)(request)

    with misbehaving(answer) as url:
        site.settings(url=url, key="x")
        posts = [site.publish(f"Sabar {n}") for n in range(2)]
        never.set()
    assert asked == ["PUT"]
    assert site.php(f"return get_post_status({posts[1]});") == "publish"
    assert waiting(site) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (saying(b'{"detail":"no such key"}', 401), "The service refuses the key. Enter the site's write key."),
        (saying(b'{"detail":"Store is away."}', 503), "The service answered 503. Store is away."),
        (saying(b"<h1>It works!</h1>", 404), "The service answered 404."),
        (saying(b"", 301), "The service answered 301."),
    ],
    ids=["a wrong key", "a store that is away", "another page", "a redirect"],
)
def test_what_the_service_refuses_waits_and_is_said(site: Site, answer: Any, why: str) -> None:
    with misbehaving(answer) as url:
        site.settings(url=url, key="x")
        site.publish("Menunggu")
    assert (state(site)["error"], waiting(site)) == (why, 1)


def test_one_post_that_cannot_be_stored_keeps_no_other(site: Site, service: Service) -> None:
    code = "add_filter('populer_article', fn($a) => $a['title'] === 'Buruk' ? ['id' => ' '] + $a : $a);"
    good, bad = site.php(f"""
        {code}
        return array_map(fn($title) => wp_insert_post(['post_title' => $title, 'post_status' => 'publish']),
            ['Baik', 'Buruk']);
    """)
    assert found(service, good)["title"] == "Baik"
    assert found(service, bad) == {}
    assert waiting(site) == 0
    assert len(state(site)["notes"]) == 1


def test_a_change_while_a_post_is_sent_is_sent_too(site: Site, service: Service) -> None:
    post = site.publish("Pertama")
    site.php(f"""
        add_filter('populer_article', function ($article) {{
            static $once = true;
            if ($once) {{
                $once = false;
                wp_update_post(['ID' => {post}, 'post_title' => 'Kedua']);
            }}
            return $article;
        }});
        populer_mark({post});
    """)
    assert (found(service, post)["title"], waiting(site)) == ("Pertama", 1)
    cron(site)
    assert (found(service, post)["title"], waiting(site)) == ("Kedua", 0)


def test_one_request_sends_at_a_time_and_a_lock_of_one_that_died_is_taken_over(site: Site, service: Service) -> None:
    lock = "$wpdb->replace($wpdb->options, ['option_name' => 'populer_lock', 'option_value' => time() + {} . ' x']);"
    site.php(f"global $wpdb; {lock.format(60)}")
    post = site.publish("Bergantian")
    assert (found(service, post), waiting(site)) == ({}, 1)
    assert site.php("return wp_next_scheduled('populer_send') > 0;")
    site.php(f"global $wpdb; {lock.format(-1)}")
    cron(site)
    assert (found(service, post)["title"], waiting(site)) == ("Bergantian", 0)


def test_the_queue_of_deleted_posts_is_bounded(site: Site, nobody: str) -> None:
    posts = [site.publish(title) for title in ("Penuh", "Satu lagi")]
    site.settings(url=nobody, key="x")
    site.php("""
        global $wpdb;
        $rows = implode(', ', array_map(fn($n) => "('populer_gone_9$n', '1', 'no')", range(1, POPULER_GONE_MAX - 1)));
        $wpdb->query("INSERT INTO $wpdb->options (option_name, option_value, autoload) VALUES $rows");
    """)
    for post in posts:
        site.php(f"wp_delete_post({post}, true);")
    assert waiting(site) == 1000
    assert state(site)["notes"] == [
        f"Too many take-downs wait: post {posts[1]} will not be taken down. Take it down by hand."
    ]


def test_without_a_key_nothing_is_told_and_nothing_waits(bare_site: Site) -> None:
    asked: list[str] = []

    def answer(request: Any) -> None:
        asked.append(request.path)

    with misbehaving(answer) as url:
        bare_site.settings(url=url)
        bare_site.publish("Diam")
    assert (asked, waiting(bare_site)) == ([], 0)


def test_a_post_of_the_block_editor_is_described_with_its_image_and_terms(site: Site, service: Service) -> None:
    picture, section = site.php(PICTURE), category(site, "Kuliner & Resep")
    with site.browser() as browser:
        nonce = browser.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        post = {"title": "Lewat REST", "status": "publish", "categories": [section], "featured_media": picture}
        answer = browser.post("/wp-json/wp/v2/posts", json=post, headers={"X-WP-Nonce": nonce})
    item = found(service, answer.raise_for_status().json()["id"])
    assert (item["title"], item["section"]) == ("Lewat REST", "Kuliner & Resep")
    assert item["image"]["url"].endswith("/cabai.png")


def test_uninstalling_leaves_nothing_behind(site: Site) -> None:
    site.publish("Sisa")
    rows = site.php("""
        global $wpdb;
        define('WP_UNINSTALL_PLUGIN', 'populer/populer.php');
        require WP_PLUGIN_DIR . '/populer/uninstall.php';
        remove_action('shutdown', 'populer_send_changes', 100);
        return [$wpdb->get_col("SELECT option_name FROM $wpdb->options WHERE option_name LIKE 'populer%'"),
            $wpdb->get_col("SELECT meta_key FROM $wpdb->postmeta WHERE meta_key LIKE '\\\\_populer%'")];
    """)
    assert rows == [[], []]


def test_the_widget_script_and_lists_are_served_without_the_key(site: Site, service: Service) -> None:
    post = site.publish("Umum", post_content="[populer]")
    pages = [httpx2.get(f"{site.url}{path}", follow_redirects=True).text for path in ("/", f"/?p={post}", "/feed/")]
    pages += [httpx2.get(f"{site.url}/wp-json/{path}").text for path in ("", "wp/v2/posts", f"wp/v2/posts/{post}")]
    assert all(service.write_key not in page and "populer_told" not in page for page in pages)
