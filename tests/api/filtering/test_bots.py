"""Who counts as a reader: known robots do not, in-app browsers do, and no header can upset the judgement."""

import gzip
import itertools
import random
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from hypothesis import given
from hypothesis import strategies as st

from api.filtering import bots
from api.filtering.bots import (
    LONGEST_USER_AGENT,
    NARROWED,
    REMEMBERED,
    SAMPLES_ONLY,
    Robots,
)

REAL_LOG = Path(__file__).parents[3].parent / "shared" / "data" / "weblog" / "access.log.gz"
REPORTED = Path(__file__).parents[3].parent / "shared" / "cases" / "ingest"
SAMPLES = [sample.encode() for entry in CRAWLER_USER_AGENTS_DATA for sample in entry.get("instances", ())]

ROBOTS = Robots()

CHROME = (
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
WEB_VIEW = (
    "Mozilla/5.0 (Linux; Android {android}; {phone} Build/{build}; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/{chrome} Mobile Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS {ios} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
)


# --- robots ---------------------------------------------------------------------------------------------------------


def test_every_sample_that_the_package_ships_is_caught() -> None:
    assert len(SAMPLES) >= 2_123
    assert [sample for sample in SAMPLES if ROBOTS.reason(sample) != "robot"] == []


def test_every_pattern_of_the_package_is_compiled() -> None:
    assert len(CRAWLER_USER_AGENTS_DATA) >= 1_504
    with structlog.testing.capture_logs() as logs:
        Robots()
    assert logs == []


def test_what_is_narrowed_is_still_in_the_package() -> None:
    shipped = {entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA}
    assert NARROWED.keys() | SAMPLES_ONLY <= shipped


def test_robots_log_a_pattern_that_cannot_be_compiled_and_know_its_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"pattern": r"Odd(?!Reader)\w+", "instances": ["OddName 1.0 (see odd.example)"]}
    monkeypatch.setattr(bots, "CRAWLER_USER_AGENTS_DATA", [*CRAWLER_USER_AGENTS_DATA, entry])
    with structlog.testing.capture_logs() as logs:
        robots = Robots()
    assert [line["patterns"] for line in logs] == [[entry["pattern"]]]
    assert robots.reason(b"OddName 1.0 (see odd.example)") == "robot"
    assert robots.reason(b"OddName 2.0 (see odd.example)") is None


@pytest.mark.parametrize(
    "user_agent",
    [
        "WhatsApp/2.23.20.0",
        "WhatsApp/2.2413.1 W",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "facebookexternalhit/1.1;line-poker/1.0",
        "facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "TelegramBot (like TwitterBot)",
        "Twitterbot/1.0",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Viber",
    ],
)
def test_a_chat_programs_link_preview_is_a_robot(user_agent: str) -> None:
    assert ROBOTS.reason(user_agent.encode()) == "robot"


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
        "Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) jsdom/22.1.0",
        "curl/8.5.0",
        "Wget/1.21.4",
        "python-requests/2.32.3",
        "Python/3.11 aiohttp/3.9.5",
        "python-httpx/0.28.1",
        "okhttp/4.12.0",
        "Go-http-client/2.0",
        "Java/17.0.9",
        "libwww-perl/6.72",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "node",
        "axios/1.7.2",
        "Scrapy/2.11.2 (+https://scrapy.org)",
        "NeverHeardOfBot/0.1",
        "Mozilla/5.0 (compatible; some-new-crawler)",
        "Mozilla/5.0 (X11; Linux x86_64) Something/1.0 (+https://example.org/why)",
        "Mozilla/5.0",
        "-",
        " ",
        "",
    ],
)
def test_a_tool_a_headless_browser_and_an_unnamed_client_are_robots(user_agent: str) -> None:
    assert ROBOTS.reason(user_agent.encode()) == "robot"


@pytest.mark.parametrize(
    "user_agent",
    [
        "ELB-HealthChecker/2.0",
        "Amazon-Route53-Health-Check-Service (ref 1; report http://amzn.to/1vsZADi)",
        "GoogleHC/1.0",
        "kube-probe/1.31",
        "Datadog/Synthetics",
        f"{CHROME.decode()} DatadogSynthetics",
        f"{CHROME.decode()} CloudflareObservatory/1.0",
        f"{CHROME.decode()} GomezAgent/3.0",
        "NewRelicPinger/1.0 (1)",
        "Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Bluesky Cardyb/1.1) Chrome/142.0.0.0",
        "facebookexternalua",
        "Mozilla/5.0 (compatible; Yahoo LinkExpander 1.0)",
        "WP Rocket/Preload",
        "lscache_runner",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko; Google-Ads-Qualify) Chrome/142.0.0.0",
        "Mozilla/5.0 (Linux; Android 8.0; Pixel 2; Storebot-Google/1.0) Chrome/81.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 10; compatible; Sonic/1.0; +https://sonic.example) Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Sonic/1.0",
    ],
)
def test_a_health_checker_a_monitor_a_preview_and_a_preloader_are_robots(user_agent: str) -> None:
    assert ROBOTS.reason(user_agent.encode()) == "robot"


def test_a_missing_user_agent_is_a_robots() -> None:
    assert ROBOTS.reason(None) == "robot"
    assert ROBOTS.refusal([(b"host", b"example.com")]) == "robot"


# --- readers --------------------------------------------------------------------------------------------------------

OPPO_15 = WEB_VIEW.format(android=15, phone="CPH2591", build="AP3A.240617.008", chrome="142.0.7444.102")
XIAOMI_14 = WEB_VIEW.format(android=14, phone="23106RN0DA", build="UP1A.231005.007", chrome="141.0.7390.70")
MISJUDGED = [
    ("AP3A\\.240617\\.008", OPPO_15),
    ("AP3A\\.240617\\.008", f"{OPPO_15} [FB_IAB/FB4A;FBAV/534.0.0.56.76;]"),
    ("MetaIAB Facebook", f"{XIAOMI_14} MetaIAB Facebook"),
    ("MetaIAB Facebook", f"{IPHONE.format(ios='18_6_2')} Safari/604.1 MetaIAB Facebook"),
    ("WhatsApp", f"{XIAOMI_14} WhatsApp/2.25.20.82"),
    ("WhatsApp", f"{IPHONE.format(ios='17_5')} WhatsApp/24.20"),
    ("Viber", f"{IPHONE.format(ios='17_5')} Viber/22.3.0"),
    ("Tumblr\\/", f"{IPHONE.format(ios='17_5')} Tumblr/34.2"),
    ("Bluesky\\/", f"{XIAOMI_14} Bluesky/1.90"),
    ("GoPay", f"{XIAOMI_14} GoPay/1.64.0"),
    ("okhttp", f"{XIAOMI_14} okhttp/4.9.2"),
    ("Sogou", f"{XIAOMI_14} SogouMobileBrowser/6.1"),
    ("008\\/", f"{XIAOMI_14} Device/OP5961L1:15.AP3A.240617.008/V.1bd19a1"),
    ("coccoc", f"{CHROME.decode()} coccocbrowser/142.0.1"),
    ("Blackboard", f"{IPHONE.format(ios='17_5')} Safari/605.1 Blackboard/6.9"),
    ("Freespoke\\/", "Mozilla/5.0 (Android 13; Mobile; rv:109.0) Gecko/112.0 Firefox/112.0 Freespoke/2.0.0"),
]


@pytest.mark.parametrize(("pattern", "user_agent"), MISJUDGED)
def test_a_reader_whom_a_pattern_of_the_package_would_refuse_passes(pattern: str, user_agent: str) -> None:
    assert re.search(pattern, user_agent)
    assert ROBOTS.reason(user_agent.encode()) is None


def test_every_narrowing_has_a_reader_who_needs_it() -> None:
    assert {pattern for pattern, _ in MISJUDGED} == NARROWED.keys() | SAMPLES_ONLY


@pytest.mark.parametrize(
    "phone",
    ["O+ Sonic", "ViewSonic A8+", "Cherry Sonic ", "Fever_Plus", "HTC Butterfly", "HTCButterflys901s", "Expanse",
     "XBot Junior", "M_bot_tab_71", "VR BOT 552", "Moto G Power (2022)", "CRONY-7021",
     "SMART 4G Speedy 5.0 Plus", "AUPO Zeus 10 Pro"],
)  # fmt: skip
@pytest.mark.parametrize(
    "rest", ["", " Instagram 361.0.0.46.88 Android (33/13; 320dpi; ViewSonic; Sonic; qcom; in_ID)"]
)
def test_a_phone_may_be_called_as_a_robot_is(phone: str, rest: str) -> None:
    user_agent = ANDROID.format(android=13, phone=phone, chrome="Chrome/142.0.0.0 Mobile") + rest
    assert ROBOTS.reason(user_agent.encode()) is None


@pytest.mark.parametrize(("name", "judged"), [("ua-readers.txt", None), ("ua-robots.txt", "robot")])
def test_user_agents_that_others_reported_are_judged_rightly(name: str, judged: str | None) -> None:
    path = REPORTED / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    agents = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    assert [agent for agent in agents if ROBOTS.reason(agent.encode()) != judged] == []


PHONES = {
    "Oppo": ["CPH2591", "CPH2473", "CPH2239", "CPH1909", "CPH2651"],
    "Vivo": ["V2318", "V2250", "vivo 1906", "vivo 2015", "V2352"],
    "Xiaomi": ["2201117TG", "23106RN0DA", "Redmi Note 9 Pro", "Redmi 9C", "M2102J20SG", "POCO F1", "22101320G"],
    "Realme": ["RMX3834", "RMX3624", "RMX2185", "RMX3286", "realme C2"],
    "Infinix": ["Infinix X6525", "Infinix X6833B", "Infinix X688B", "Infinix HOT 40 Pro"],
    "Samsung": ["SM-A155F", "SM-A057F", "SM-J200G", "SM-S918B", "SM-T225", "GT-I9060I"],
    "Advan": ["ADVAN 6501", "ADVAN_5058", "ADVAN S50 4G", "ADVAN 7008"],
    "Evercoss": ["EVERCOSS_A53A", "EVERCOSS M50", "Evercoss_R50A"],
    "others": ["TECNO KI5k", "itel A667L", "ASUS_X00TD", "CUBOT NOTE 20", "CUBOT_X18_Plus", "moto g84 5G", "Nokia C21"],
    "elsewhere": ["Pixel 9", "ONEPLUS A6013", "HUAWEI MAR-LX1M", "SONY XQ-DQ54", "Lenovo A7000-a", "SMARTFREN R2"],
}
BUILDS = {8: "O11019", 10: "QP1A.190711.020", 12: "SP1A.210812.016", 14: "UKQ1.231025.001", 15: "AP3A.240617.008"}
CHROMES = ["92.0.4515.131", "120.0.6099.144", "131.0.6778.39", "142.0.0.0"]
ANDROID = (
    "Mozilla/5.0 (Linux; Android {android}; {phone}) AppleWebKit/537.36 (KHTML, like Gecko) {chrome} Safari/537.36"
)
ANDROID_BROWSERS = [
    "Chrome/{chrome} Mobile",
    "SamsungBrowser/27.0 Chrome/{chrome} Mobile",
    "Version/4.0 Chrome/{chrome} Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.14.0-gn",
    "Version/4.0 Chrome/{chrome} UCBrowser/15.5.2.1312 Mobile",
    "Chrome/{chrome} Mobile Safari/537.36 OPR/76.2.4027.73374",
    "Version/4.0 Chrome/{chrome} Mobile Safari/537.36 OPX/2.6 OPT/3.4",
    "Chrome/{chrome} Mobile Safari/537.36 EdgA/131.0.2903.87",
    "Chrome/{chrome} Mobile Safari/537.36 HeyTapBrowser/45.9.0.1",
    "Chrome/{chrome} Mobile VivoBrowser/14.4.0.1",
    "Version/4.0 Chrome/{chrome} Mobile Safari/537.36 PHX/15.1",
    "Chrome/{chrome} Mobile Safari/537.36 YaBrowser/24.12.1.110.00 SA/3",
    "Chrome/{chrome} Mobile DuckDuckGo/5",
]
IN_APP_ANDROID = [
    "",
    " [FB_IAB/FB4A;FBAV/490.0.0.63.82;]",
    " [FB_IAB/FB4A;FBAV/534.0.0.56.76;IABMV/1;]",
    " [FB_IAB/Orca-Android;FBAV/470.0.0.35.115;]",
    " [FBAN/EMA;FBLC/id_ID;FBAV/430.0.0.6.107;]",
    " MetaIAB Facebook",
    " Instagram 361.0.0.46.88 Android (33/13; 320dpi; 720x1456; OPPO; CPH2239; OP4F2F; qcom; in_ID; 674675155)",
    " Barcelona 361.0.0.38.109 Android (33/13; 320dpi; 720x1456; vivo; V2250; 2250; mt6765; id_ID; 674675155)",
    " Line/14.21.0/IAB",
    " trill_2023703020 JsSdk/1.0 NetType/WIFI Channel/googleplay AppName/trill app_version/37.3.2 ByteLocale/id-ID "
    "ByteFullLocale/id-ID Region/ID AppId/1180 Spark/1.6.8.1 AppVersion/37.3.2 BytedanceWebview/d8a21c6",
    " musical_ly_2023600030 JsSdk/1.0 NetType/4G Channel/googleplay AppName/musical_ly app_version/36.0.3 "
    "ByteLocale/id-ID Region/ID BytedanceWebview/d8a21c6 FalconTag/F2F0A3B1",
    " TwitterAndroid",
    " WhatsApp/2.25.20.82",
    " Telegram-Android/11.4.2 (Xiaomi 2201117TG; Android 13; SDK 33; AVERAGE)",
    " GSA/15.50.38.28.arm64",
    " Snapchat/13.20.0.41 (CPH2591; Android 14#U.1;gzip; )",
    " [Pinterest/Android]",
    " [LinkedInApp]",
    " MicroMessenger/8.0.54.2760(0x28003636) WeChat/arm64 Weixin NetType/WIFI Language/id ABI/arm64",
    " KAKAOTALK/25.1.0 (INAPP)",
    " Flipboard/4.3.32/5436,4.3.32.5436",
    " GoPay/1.64.0 Gojek/5.10.1",
    " TokopediaWebview/3.290",
    " Shopee/3.38.21 AppName/ShopeeID",
    " okhttp/4.9.2",
    " Zalo android/12110700 ZaloTheme/light ZaloLanguage/id",
]
IN_APP_IPHONE = [
    " [FBAN/FBIOS;FBAV/491.1.0.63.72;FBBV/662519912;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.5;FBSS/3;FBCR/;"
    "FBID/phone;FBLC/id_ID;FBOP/5;FBRV/0]",
    " Safari/604.1 MetaIAB Facebook",
    " Instagram 361.0.0.35.82 (iPhone14,5; iOS 17_5; id_ID; id; scale=3.00; 1170x2532; 673279138; IABMV/1)",
    " Safari Line/14.21.1",
    " musical_ly_36.8.0 JsSdk/2.0 NetType/4G Channel/App Store ByteLocale/id Region/ID BytedanceWebview/d8a21c6",
    " Twitter for iPhone/10.72",
    " WhatsApp/24.20",
    " GSA/342.0.693598186 Mobile/15E148 Safari/604.1",
    " Safari/604.1 CriOS/131.0.6778.73",
    " FxiOS/133.0 Safari/605.1.15",
    " Snapchat/13.17.0.44 (like Safari/8617.1.17, panda)",
    " [Pinterest/iOS]",
    " Viber/22.3.0",
    "",
]
DESKTOPS = [
    "Windows NT 10.0; Win64; x64",
    "Windows NT 6.1; WOW64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "X11; CrOS x86_64 14541.0.0",
]
DESKTOP_BROWSERS = [
    "Chrome/{v}.0.0.0 Safari/537.36",
    "Chrome/{v}.0.0.0 Safari/537.36 Edg/{v}.0.0.0",
    "Chrome/{v}.0.0.0 Safari/537.36 OPR/107.0.0.0",
    "Chrome/{v}.0.0.0 Safari/537.36 Vivaldi/7.0.3495.29",
    "Chrome/{v}.0.0.0 YaBrowser/24.12.0.0 Safari/537.36",
    "coc_coc_browser/{v}.0.130 Chrome/{v}.0.0.0 Safari/537.36",
    "Chrome/{v}.0.0.0 Electron/33.2.0 Safari/537.36",
]
ALONE = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 "
    "Safari/605.1.15",
    "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 "
    "Safari/604.1",
    "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
    "Mozilla/5.0 (Mobile; Andromax_F1; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.1",
    "Mozilla/5.0 (Mobile; Nokia 2780 Flip; rv:84.0) Gecko/84.0 Firefox/84.0 KAIOS/3.1",
    "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0/6.0 TV Safari/537.36",
    "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 "
    "WebAppManager",
    "Mozilla/5.0 (Linux; Android 11; BRAVIA 4K UR2) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; AFTKA) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.5.5 like Chrome/120.0.6099 "
    "Safari/537.36",
    "Mozilla/5.0 (Linux; U; Android 11; MiTV-AFKR0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Safari/537.36",
    "Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.4 "
    "Safari/605.1.15",
    "Opera/9.80 (Android; Opera Mini/36.2.2254/191.249; U; id) Presto/2.12.423 Version/12.16",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/191.249; U; id) Presto/2.12.423 Version/12.16",
    "Opera/9.80 (MAUI Runtime; Opera Mini/4.4.39030/191.249; U; id) Presto/2.12.423 Version/12.16",
    "UCWEB/2.0 (MIDP-2.0; U; Adr 4.4.2; id; ADVAN_S4P) U2/1.0.0 UCBrowser/10.7.6.805 U2/1.0.0 Mobile",
    "NokiaX2-02/2.0 (11.79) Profile/MIDP-2.1 Configuration/CLDC-1.1 UCWEB/2.0 (Java; U; MIDP-2.0; id; nokiax2-02) "
    "U2/1.0.0 UCBrowser/8.9.0.251 U2/1.0.0 Mobile",
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0; Trident/6.0; IEMobile/10.0; ARM; Touch; NOKIA; Lumia 520)",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 Mobile Safari/537.10+",
    "[FBAN/FB4A;FBAV/567.1.0.52.74;FBBV/1003893689;FBLC/id_ID;FBCR/TELKOMSEL;FBMF/OPPO;FBPN/com.facebook.katana;"
    "FBDV/CPH2591;FBSV/15;FBOP/1;FBCA/arm64-v8a:;]",
]


def readers() -> Iterator[str]:
    """What the browsers, apps, phones and televisions of an Indonesian newsroom's readers call themselves."""
    phones = [phone for models in PHONES.values() for phone in models]
    for phone, android, (number, browser) in itertools.product(phones, BUILDS, enumerate(ANDROID_BROWSERS)):
        chrome = CHROMES[(number + android) % len(CHROMES)]
        yield ANDROID.format(android=android, phone=phone, chrome=browser.format(chrome=chrome))
        yield f"Mozilla/5.0 (Android {android}; Mobile; rv:{100 + number}.0) Gecko/{100 + number}.0 Firefox/133.0"
    for phone, (android, build), (number, app) in itertools.product(phones, BUILDS.items(), enumerate(IN_APP_ANDROID)):
        chrome = CHROMES[(number + android) % len(CHROMES)]
        yield WEB_VIEW.format(android=android, phone=phone, build=build, chrome=chrome) + app
    for ios, app in itertools.product(("12_5_7", "15_8_3", "16_7_10", "17_5", "18_2"), IN_APP_IPHONE):
        yield IPHONE.format(ios=ios) + app
        yield IPHONE.format(ios=ios).replace("Mobile/", "Version/17.5 Mobile/") + " Safari/604.1"
    for system, browser, version in itertools.product(DESKTOPS, DESKTOP_BROWSERS, range(109, 145, 3)):
        yield f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) {browser.format(v=version)}"
        yield f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    yield from ALONE


def test_at_most_one_reader_in_a_thousand_is_taken_for_a_robot() -> None:
    corpus = set(readers())
    assert len(corpus) >= 1_000
    taken = sorted(user_agent for user_agent in corpus if ROBOTS.reason(user_agent.encode()))
    assert taken == []  # promised: 0.1 %; held: none of these


BOT_LIKE = re.compile(
    r"(?i)bot|spider|crawl|slurp|feed|rss|reader\.com|archiver|preview|proxy|appengine|embedly|genieo|phantom"
    r"|indy|externalhit|siteexplorer|simplepie|xenu|binlar|nutch|curl|wget|python|perl|ruby"
    r"|http_request|livejournal|dts agent|favicon|ezooms|desktop\.google|robosourcer|superblock|validator|libfetch|^user-agent:|http://tab\.search|^-$|^mozilla/[45]\.0$"
)


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_LOG.exists(), reason=f"the real access log is not at {REAL_LOG}")
def test_of_a_real_logs_user_agents_only_those_with_a_robots_name_are_caught() -> None:
    with gzip.open(REAL_LOG, "rt", encoding="utf-8", errors="replace") as file:
        user_agents = {line.split('"')[5] for line in file if line.count('"') >= 6}
    caught = sorted(user_agent for user_agent in user_agents if ROBOTS.reason(user_agent.encode()))
    assert len(user_agents) - len(caught) >= 400
    assert len(caught) >= 80
    assert [user_agent for user_agent in caught if not BOT_LIKE.search(user_agent)] == []


# --- headers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"sec-purpose", b"prefetch"),
        (b"sec-purpose", b"prefetch;prerender"),
        (b"sec-purpose", b"prefetch; prerender"),
        (b"sec-purpose", b"prefetch;anonymous-client-ip"),
        (b"sec-purpose", b"PREFETCH"),
        (b"purpose", b"prefetch"),
        (b"purpose", b"preview"),
        (b"x-moz", b"prefetch"),
        (b"x-purpose", b"preview"),
    ],
)
def test_what_a_browser_asks_ahead_of_its_reader_is_a_prefetch(name: bytes, value: bytes) -> None:
    headers = [(b"user-agent", CHROME), (name, value)]
    assert ROBOTS.refusal(headers) == "prefetch"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"sec-purpose", b""),
        (b"sec-purpose", b"something-new"),
        (b"purpose", b"prefetching"),
        (b"referer", b"prefetch"),
        (b"x-moz", b"1"),
    ],
)
def test_other_purposes_are_a_readers(name: bytes, value: bytes) -> None:
    headers = [(b"user-agent", CHROME), (name, value)]
    assert ROBOTS.refusal(headers) is None


@pytest.mark.parametrize(
    ("site", "mode", "destination"),
    [
        (b"cross-site", b"no-cors", b"empty"),  # sendBeacon with text/plain, <a ping>
        (b"same-origin", b"cors", b"empty"),  # fetch with keepalive, sendBeacon with JSON
        (b"same-origin", b"same-origin", b"empty"),  # fetch that insists
        (b"same-site", b"no-cors", b"image"),  # the pixel
        (b"cross-site", b"cors", b"image"),  # the pixel with crossorigin
        (b"none", b"no-cors", b"empty"),  # web views and extensions
        (b"cross-site", b"some-day", b"yet-unknown"),
        (b"", b"", b""),
    ],
)
def test_what_a_page_sends_passes(site: bytes, mode: bytes, destination: bytes) -> None:
    headers = [(b"sec-fetch-site", site), (b"sec-fetch-mode", mode), (b"sec-fetch-dest", destination)]
    assert ROBOTS.refusal([(b"user-agent", CHROME), *headers]) is None


@pytest.mark.parametrize(
    ("mode", "destination"),
    [
        (b"navigate", b"document"),  # the address bar, a link, a form
        (b"navigate", b"iframe"),
        (b"navigate", b"empty"),
        (b"websocket", b"empty"),
        (b"no-cors", b"script"),
        (b"no-cors", b"style"),
        (b"no-cors", b"video"),
        (b"no-cors", b"embed"),
        (b"same-origin", b"serviceworker"),
        (b" Navigate ;q=1", b"empty"),
    ],
)
def test_what_no_page_sends_as_an_event_is_refused(mode: bytes, destination: bytes) -> None:
    headers = [(b"sec-fetch-mode", mode), (b"sec-fetch-dest", destination)]
    assert ROBOTS.refusal([(b"user-agent", CHROME), *headers]) == "fetch"


def test_a_browser_that_says_nothing_of_the_kind_passes() -> None:
    headers = [(b"host", b"example.com"), (b"user-agent", CHROME), (b"accept", b"*/*")]
    assert ROBOTS.refusal(headers) is None


def test_the_first_reason_is_named() -> None:
    robot, ahead, opened = (b"user-agent", b"curl/8"), (b"purpose", b"prefetch"), (b"sec-fetch-mode", b"navigate")
    assert ROBOTS.refusal([opened, ahead, robot]) == "robot"
    assert ROBOTS.refusal([opened, ahead, (b"user-agent", CHROME)]) == "prefetch"


def test_of_two_user_agents_the_first_is_judged() -> None:
    assert ROBOTS.refusal([(b"user-agent", CHROME), (b"user-agent", b"curl/8")]) is None
    assert ROBOTS.refusal([(b"user-agent", b"curl/8"), (b"user-agent", CHROME)]) == "robot"


# --- hostile input --------------------------------------------------------------------------------------------------

WATCHED = st.sampled_from([b"user-agent", b"sec-purpose", b"purpose", b"sec-fetch-mode", b"sec-fetch-dest"])


@given(st.one_of(st.none(), st.binary(max_size=2_000), st.text(max_size=600).map(lambda text: text.encode())))
def test_any_bytes_get_an_answer_and_the_same_one_again(user_agent: bytes | None) -> None:
    assert ROBOTS.reason(user_agent) in ("robot", None)
    assert ROBOTS.reason(user_agent) == ROBOTS.reason(user_agent)


@given(st.lists(st.tuples(st.one_of(WATCHED, st.binary(max_size=20)), st.binary(max_size=300)), max_size=20))
def test_refusal_names_the_first_reason_that_one_of_the_headers_gives(headers: list[tuple[bytes, bytes]]) -> None:
    """Each header by itself, beside a browser's user agent, gives its own reason; of several, the order decides."""
    user_agent = next((header for header in headers if header[0] == b"user-agent"), None)
    others = [header for header in headers if header[0] != b"user-agent"]
    alone = {ROBOTS.refusal([(b"user-agent", CHROME), header]) for header in others}
    expected = next((reason for reason in ("prefetch", "fetch") if reason in alone), None)
    if ROBOTS.refusal([user_agent] if user_agent else []) == "robot":
        expected = "robot"
    assert ROBOTS.refusal(headers) == expected


@given(st.sampled_from(SAMPLES), st.binary(min_size=LONGEST_USER_AGENT, max_size=LONGEST_USER_AGENT + 10))
def test_only_the_beginning_of_an_endless_user_agent_is_looked_at(sample: bytes, padding: bytes) -> None:
    assert ROBOTS.reason(padding + sample) == ROBOTS.reason(padding[:LONGEST_USER_AGENT])


def test_strangers_cannot_fill_the_memory() -> None:
    robots = Robots()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(3 * REMEMBERED):
            robots.reason(b"%d " % number + b"x" * 20_000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2 * REMEMBERED * LONGEST_USER_AGENT


def test_robots_are_known_after_any_amount_of_nonsense() -> None:
    robots = Robots()
    chance = random.Random(17)
    pieces = b"".join(SAMPLES)
    for _ in range(3_000):
        starts = (chance.randrange(len(pieces) - 9) for _ in range(120))
        robots.reason(b"".join(pieces[start : start + chance.randint(2, 9)] for start in starts))
        robots.reason(chance.randbytes(LONGEST_USER_AGENT))
    assert [sample for sample in SAMPLES if robots.reason(sample) != "robot"] == []
    assert robots.reason(CHROME) is None
