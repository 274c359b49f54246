"""`populer init` writes a file that can be used, from what a site says of itself."""

import asyncio
import tomllib
from pathlib import Path

import pytest
from website import answer, website

from populer.commands.init import run
from populer.config import load
from ranking.errors import PopulerError

RSS = "<rss version='2.0'><channel><item><title>Satu</title><link>{}/satu</link></item></channel></rss>"
NEWS = "<urlset><url><loc>{}/dua</loc><news><title>Dua</title></news></url></urlset>"


async def test_init_writes_hosts_origins_and_the_feeds_that_describe_articles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with website({}) as site:
        head = "".join(
            f'<link rel="alternate" type="application/rss+xml" href="{path}">'
            for path in ("/feed", "/kosong", "/rusak")
        )
        site.pages |= {
            "/": answer(f'<head><meta property="og:site_name" content="Koran &quot;Kita&quot;">{head}</head>'),
            "/robots.txt": answer(f"Sitemap: {site.address}/index.xml\nSitemap: https://lain.example/news.xml"),
            "/index.xml": answer(f"<sitemapindex><sitemap><loc>{site.address}/news.xml</loc></sitemap></sitemapindex>"),
            "/news.xml": answer(NEWS.format(site.address)),
            "/feed": answer(RSS.format(site.address)),
            "/kosong": answer("<rss version='2.0'><channel/></rss>"),
            "/rusak": answer("<html>"),
        }
        await asyncio.to_thread(run, tmp_path / "baru", site.address)

    path = tmp_path / "baru" / "populer.toml"
    (written,) = tomllib.loads(path.read_text())["sites"]
    assert (written["name"], written["hosts"], written["origins"]) == ('Koran "Kita"', ["127.0.0.1"], [site.address])
    assert [feed["url"] for feed in written["feeds"]] == [f"{site.address}/news.xml", f"{site.address}/feed"]
    assert load(path, {}).settings.sites[0].own_hosts is not None
    assert "with 2 feeds" in capsys.readouterr().out


def test_init_without_a_site_writes_a_file_that_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path, None)
    (site,) = load(tmp_path / "populer.toml", {}).settings.sites
    assert (site.id, site.origins, site.feeds) == ("default", (), ())
    with pytest.raises(PopulerError, match="is there already"):
        run(tmp_path, None)


async def test_init_says_so_and_writes_nothing_where_the_site_cannot_be_read(tmp_path: Path) -> None:
    async with website({"/": answer("", 500)}) as site:
        with pytest.raises(PopulerError, match="answered 500: check the address"):
            await asyncio.to_thread(run, tmp_path, site.address)
        assert not (tmp_path / "populer.toml").exists()


@pytest.mark.parametrize(
    "site", ["", "http://[", "http://127.0.0.1:99999", "ftp://koran.example", "http://a@koran.example"]
)
def test_init_says_so_where_the_site_is_no_address(site: str, tmp_path: Path) -> None:
    with pytest.raises(PopulerError, match="check the address, or run without --site"):
        run(tmp_path, site)
