"""Pages of a newspaper in five kinds of markup: WordPress with Yoast, Next, AMP, plain, broken."""
# ruff: noqa: E501 - markup as sites write it

import json
from collections.abc import Callable
from typing import NamedTuple

PUBLISHED = 1_764_530_940.0  # 01 December 2025, 02:29 in Jakarta
WRITTEN = "2025-12-01T02:29:00+07:00"


class Article(NamedTuple):
    """What a page says of its article."""

    number: int
    path: str
    title: str
    section: str

    @property
    def premium(self) -> bool:
        """Whether readers pay for it."""
        return self.number % 3 == 0


def _yoast(article: Article, site: str) -> str:
    url = site + article.path
    graph = [
        {
            "@type": "NewsArticle", "@id": url + "#article", "isPartOf": {"@id": url}, "headline": article.title,
            "datePublished": WRITTEN, "dateModified": "2025-12-01T03:00:00+07:00", "mainEntityOfPage": {"@id": url},
            "author": {"name": "Siti", "@id": site + "/#/schema/person/1"}, "keywords": ["beras", "pangan"],
            "articleSection": [article.section], "inLanguage": "id", "isAccessibleForFree": not article.premium,
            "image": {"@id": site + "/gambar.jpg"}, "publisher": {"@id": site + "/#organization"},
        },
        {"@type": ["WebPage", "FAQPage"], "@id": url, "url": url, "name": f"{article.title} - Koran"},
        {"@type": "BreadcrumbList", "itemListElement": [{"@type": "ListItem", "position": 1, "name": "Beranda"}]},
        {"@type": "WebSite", "@id": site + "/#website", "url": site, "name": "Koran"},
    ]  # fmt: skip
    return f"""<!DOCTYPE html><html lang="id-ID"><head><meta charset="UTF-8"><title>{article.title} - Koran</title>
<meta name='robots' content='index, follow, max-image-preview:large'><link rel="canonical" href="{url}">
<meta property="og:type" content="article"><meta property="og:title" content="{article.title} - Koran">
<meta property="og:site_name" content="Koran"><meta property="og:image" content="{site}/gambar.jpg">
<meta property="article:published_time" content="{WRITTEN}">
<script type="application/ld+json" class="yoast-schema-graph">{json.dumps({"@context": "https://schema.org", "@graph": graph})}
</script></head><body class="post-template-default single single-post"><h1 class="entry-title">{article.title}</h1></body></html>"""


def _next(article: Article, site: str) -> str:
    data = {
        "@context": "https://schema.org", "@type": "NewsArticle", "headline": article.title, "datePublished": WRITTEN,
        "url": site + article.path, "author": [{"@type": "Person", "name": "Siti"}], "articleSection": article.section,
        "keywords": "beras, pangan", "image": [{"@type": "ImageObject", "url": site + "/gambar.jpg"}],
        "isAccessibleForFree": "False" if article.premium else "True",
    }  # fmt: skip
    return f"""<!DOCTYPE html><html lang="id"><head><meta charSet="utf-8"/><title>{article.title} | Koran</title>
<link rel="canonical" href="{article.path}"/><script type="application/ld+json">{json.dumps(data)}</script></head>
<body><div id="__next"><h1>{article.title}</h1></div><script id="__NEXT_DATA__" type="application/json">{{}}</script></body></html>"""


def _amp(article: Article, site: str) -> str:
    data = [
        {"@type": "BreadcrumbList", "itemListElement": [
            {"@type": "ListItem", "position": n, "item": {"@id": site, "name": name}}
            for n, name in enumerate(("Beranda", article.section, article.title), 1)]},
        {"@type": "NewsArticle", "mainEntityOfPage": site + article.path, "headline": article.title,
         "datePublished": WRITTEN, "author": "Siti", "image": "/gambar.jpg"},
    ]  # fmt: skip
    return f"""<!doctype html><html amp lang="id"><head><meta charset="utf-8"><title>{article.title}</title>
<link rel="canonical" href="{site}{article.path}"><meta name="keywords" content="beras,pangan">
{'<meta property="article:content_tier" content="metered">' if article.premium else ""}
<script type="application/ld+json">{json.dumps(data)}</script></head><body><h1>{article.title}</h1></body></html>"""


def _plain(article: Article, site: str) -> str:
    return f"""<html lang="id"><head><title>{article.title} - Koran</title><meta name="author" content="Siti">
<meta name="section" content="{article.section}"><meta name="news_keywords" content="beras,pangan"></head>
<body><h1>{article.title}</h1><time datetime="{WRITTEN}">1 Desember 2025</time><img src="/gambar.jpg"></body></html>"""


def _broken(article: Article, site: str) -> str:
    """JSON-LD with a trailing comma and a raw line break, copied metadata of another host, tags that do not close."""
    return f"""<head><meta property=og:title content="{article.title}"><meta property="og:url" content="https://tema.example/demo">
<link rel=canonical href="https://tema.example/demo"><script type="application/ld+json">/*<![CDATA[*/{{"@type":"NewsArticle",
"headline":"{article.title}","description":"Satu
dua","datePublished":"{WRITTEN}","articleSection":"{article.section}","keywords":"beras,pangan","author":{{"name":"Siti"}},}}/*]]>*/</script>
<script type="application/ld+json">{{"@type": "Organization", "name": </script>
<body><div><h1>{article.title}<p>Isi <b>berita</div>"""


STYLES: dict[str, Callable[[Article, str], str]] = {
    "yoast": _yoast, "next": _next, "amp": _amp, "plain": _plain, "broken": _broken,
}  # fmt: skip


def articles(count: int) -> list[Article]:
    """Articles of three sections, with paths as sites have them."""
    sections = ("Ekonomi", "Politik", "Olahraga")
    found = []
    for number in range(1, count + 1):
        section = sections[number % 3]
        path = f"/{section.lower()}/harga-beras-naik-{number}"
        found.append(Article(number, path, f"Harga beras naik “lagi” & lagi {number}".replace("&", "dan"), section))
    return found


def page_of(article: Article, site: str) -> str:
    """The page of an article, in the markup that its number falls to."""
    return [*STYLES.values()][article.number % len(STYLES)](article, site)
