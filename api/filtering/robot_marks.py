"""Marks of robots in user agents: what is wrong in the lists that others maintain, and what they leave out.

A mark is a pattern in RE2's syntax. It is looked for in what is left of a user agent without a phone's name.
"""

from typing import Final

NARROWED: Final = {
    # A link preview starts with the app's name; a reader in the app's own browser is a browser first, the name last.
    "WhatsApp": r"^WhatsApp",
    "Viber": r"^Viber",
    "Tumblr\\/": r"^Tumblr/",
    "Bluesky\\/": r"^Bluesky/",
    # The package means a Czech payment service; to millions of Indonesians GoPay is the app they open links in.
    "GoPay": r"^GoPay",
    # The library when it speaks for itself; apps and web views name it after their own name.
    "okhttp": r"^okhttp",
    # Sogou's robots are spiders; its phone browser and its keyboard's web view are not.
    "Sogou": r"Sogou.{0,20}[sS]pider",
    # A name of its own; not the end of a build number (`…240617.008/`).
    "008\\/": r"(?:^|[ ;(])008/",
    # The browser of Cốc Cốc names itself so; its robots have `bot` in their names.
    "coccoc": r"^coccoc|compatible; coccoc|coccocbot",
    # A school's app and a browser for phones; what fetches for them says more.
    "Blackboard": r"Blackboard Safeassign",
    "Freespoke\\/": r"compatible; Freespoke/",
}
"""Patterns of the package that would refuse real readers, and what is looked for in their place."""

SAMPLES_ONLY: Final = frozenset({"AP3A\\.240617\\.008", "MetaIAB Facebook"})
"""Patterns that are wrong: only the very samples they were made from are robots.

`AP3A.240617.008` is no robot but the build of Android 15 that Oppo, OnePlus, Realme and Xiaomi phones carry: it would
refuse everyone who reads in Instagram, Facebook or any other web view on one. `MetaIAB Facebook` is what the browser
inside the Facebook app has called itself since 2025 (ua-parser/uap-core#665, shalanah/inapp-spy#57).
"""

REFUSING_READERS: Final = frozenset({
    "[a-z0-9\\-_]*(bot|crawl|headless|archiver|transcoder|spider|uptime|validator|fetcher|cron|checker|reader|extractor"
    "|monitoring|analyzer|scraper)",
    "008\\/", "AndroidDownloadManager", "Bandit", "Demon", "Excel\\/", "FDM ", "LibVLC", "LibWeb", "Liferea\\/",
    "Microsoft Office", "Microsoft Outlook", "Mojeek", "NYU", "NetNewsWire", "NetworkingExtension", "NewsGator",
    "PodcastAddict\\/", "PowerPoint\\/", "QQDownload", "QuiteRSS", "RSSOwl", "Reeder\\/", "Slack\\/", "URL\\/Emacs",
    "Webster", "WhatsApp", "Word\\/", "Yandex(?!Search)", "^FDM ", "^Mail\\/", "^git\\/", "acrylicapps\\.com\\/pulp",
    "coccoc", "curl", "github\\.com", "khttp\\/", "libwww", "okhttp", "speedy", "voyager\\/",
})  # fmt: skip
"""Patterns of `crawlerdetect` that would refuse real readers: that package takes browsers' usual words out of a user
agent before it looks, which costs fifteen times as much as looking."""

FURTHER: Final = (
    # No name, only "Mozilla/5.0", or no letter at all: no browser sends that.
    r"^\W*$", r"^Mozilla/[0-9.]+\W*$",
    # A contact address, and names that say it: `… (+https://example.org/why)`, `ExampleBot/1.0`.
    r"\+ ?https?://", r"(?i)(?:bot|crawler|spider)/[0-9]", r"(?i)compatible; [^()]*(?:bot|crawl|spider)",
    # Browsers without a reader.
    r"(?i)headless", r"PhantomJS", r"SlimerJS", r"HtmlUnit", r"jsdom/", r"Cypress/", r"CasperJS", r"Prerender",
    # HTTP libraries and tools, where they speak for themselves.
    r"(?i)^curl", r"(?i)^libcurl", r"(?i)^wget", r"(?i)^python", r"(?i)python-requests", r"(?i)aiohttp", r"^Java/",
    r"^Java-http-client", r"(?i)libwww-perl", r"(?i)^lwp", r"^Go-http-client", r"^go-resty", r"^fasthttp", r"^node",
    r"^undici", r"(?i)node-fetch", r"(?i)axios", r"^got\b", r"^superagent", r"^Deno/", r"^Bun/", r"^Dart/",
    r"(?i)scrapy", r"^Ruby", r"^Faraday", r"^rest-client", r"^Typhoeus", r"^http\.rb", r"^PHP", r"^GuzzleHttp",
    r"^Symfony", r"^reqwest", r"^hyper/", r"^ureq", r"^Jakarta Commons-HttpClient", r"^Apache-HttpAsyncClient",
    r"^RestSharp", r"^WinHttp", r"^PostmanRuntime", r"(?i)^insomnia/", r"^HTTPie", r"^xh/",
    # Health checks, monitors and synthetic visitors.
    r"(?i)health[ -]?check", r"^GoogleHC/", r"(?i)\bprobe[/ ]", r"(?i)-probe/", r"(?i)monitor(?:ing|s)?\b",
    r"(?i)synthetic", r"(?i)pinger\b", r"(?i)pagespeed|lighthouse|observatory",
    r"(?i)\b(?:datadog|new ?relic|dynatrace|catchpoint|cloudflare)",
    r"(?i)GomezAgent|DejaClick|SpeedCurve|sitespeed\.io", r"(?i)(?:up|down)time", r"(?i)check(?:er|ly)?\b",
    r"(?i)diagnostic", r"NovaAct", r"^Mozilla.*[A-Za-z]Agent\b",
    # Previews of links, and what other servers fetch for their users.
    r"(?i)(?:link|url|uri|site) ?(?:preview|expand)", r"(?i)facebookexternal", r"Cardyb",
    r"(?i)snapchat[^ ]*(?:preview|bot)",
    r"^(?:Pleroma|Akkoma|Misskey|Firefish|Iceshrimp|Sharkey|Lemmy|PeerTube|Pixelfed|Friendica|Hubzilla|Mobilizon)\b",
    r"(?i)^gotosocial", r"(?i)fetcher\b", r"(?i)thumbnail(?:s|er)\b", r"(?i)screenshot", r"(?i)\bGoogle-[A-Z][a-z]",
    # What fills a cache before a reader comes.
    r"(?i)\bpre(?:load|fetch)", r"(?i)cache[ -]?(?:warm|crawl|/)", r"(?i)^W3 Total Cache", r"(?i)^lscache",
    r"(?i)^LiteSpeed", r"(?i)warm-?up",
    # Names after `like Gecko`, where no browser has one; a mail address; what says what it does.
    r"\(KHTML,? like Gecko; ", r"(?i)mailto:", r"[\w.-]+@[\w-]+\.[a-z]", r"^Mozilla.*\(\+?https?://",
    r"(?i)user-?agent", r"\$\{", r"(?i)\bscan(?:ner|ning)?\b", r"(?i)classifier", r"(?i)validator|verifi(?:er|cation)",
    r"(?i)crawl", r"(?i)\bpageburst", r"^Lightpanda",
    r"^ApacheBench", r"^Apache-JMeter", r"^k6/", r"^Grafana k6", r"^hey/", r"^oha/", r"^Siege", r"^Artillery",
)  # fmt: skip
"""What both packages leave out or write too narrowly."""
