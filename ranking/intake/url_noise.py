"""Parameters of an address that say how a reader came, or how a page is shown, and never which article it is.

Where a parameter may be the id, it is kept. Pages of one article and words after `ref` are noise only where something
else still names the article: `read.php?page=12` may be one of a site without slugs.
"""

import re

#: In lower case, as all names here are compared.
PREFIXES = (
    "utm_", "mtm_", "matomo_", "piwik_", "pk_", "hsa_", "_hs", "_x_tr_", "amp_", "itm_", "__cf_chl_", "guce_",
    "fb_action_", "at_link_", "at_custom", "trk_", "ml_subscriber",
)  # fmt: skip
NAMES = frozenset({
    "fbclid", "gclid", "dclid", "yclid", "ysclid", "twclid", "ttclid", "msclkid", "gclsrc", "gbraid", "wbraid",
    "gad_source", "gad_campaignid", "srsltid", "igsh", "igshid", "mibextid", "li_fat_id", "mc_cid", "mc_eid",
    "mc_tc", "_ga", "_gl", "_gac", "_openstat", "_branch_match_id", "__twitter_impression", "epik", "mkt_tok",
    "oly_anon_id", "oly_enc_id", "vero_id", "at_medium", "at_campaign", "at_format", "at_ptr_name", "fb_ref",
    "fb_source", "fb_comment_id", "fref", "hc_ref", "hc_location", "__tn__", "ref_src", "ref_url", "tblci", "dicbo",
    "xtor", "ocid", "ncid", "cmpid", "smid", "smtyp", "usqp", "phpsessid", "jsessionid", "amp", "noamp", "nonamp",
    "doing_wp_cron", "replytocom", "sfnsn", "trk", "trkcampaign", "rdt_cid", "sccid", "wt_mc", "wt_zmc", "wt.mc_id",
    "wt.mc", "guccounter", "irclickid", "s_kwcid", "ef_id", "zanpid", "_kx", "wickedid", "rb_clickid",
    "ck_subscriber_id", "nr_email_referer", "oborigurl", "unsubscribe_token", "cn-reloaded", "xmt", "slof", "wprov",
    "__s",
})  # fmt: skip
#: Values that make a name noise.
VALUES = {
    "m": re.compile(r"[01]"),
    "nb": re.compile(r"1"),
    "share": re.compile(r"(?!\d+$).*", re.DOTALL),
    "output": re.compile(r"amp"),
    "outputtype": re.compile(r"amp", re.IGNORECASE),
    "_": re.compile(r"\d*"),
}
PAGE = re.compile(r"(?:\d{1,2}|all|semua)?", re.IGNORECASE)
SHOWN = re.compile(r"(?:\d|all|true)?", re.IGNORECASE)
#: Values that make a name noise where something else names the article.
WEAK_VALUES = {
    "page": PAGE, "page_num": PAGE, "halaman": PAGE, "hal": PAGE, "single": SHOWN, "showpage": SHOWN,
    "ref": re.compile(r"(?!\d+$).*", re.DOTALL),
}  # fmt: skip

#: A path that may stand for every article of a site: the front page, a script, or one word.
NAMELESS_PATH = re.compile(r"/?(?:[A-Za-z]*|.*\.(?:php\d?|aspx?|jspx?|cgi|cfm|do|pl|dll))", re.IGNORECASE)


def without_noise(query: str, path: str) -> str:
    """`query`, spelt by RFC 3986, without noise and by name, equal names in their order; `path`: of the same address.

    >>> without_noise("id=7&utm_source=x&page=2", "/read.php"), without_noise("page=12", "/read.php")
    ('id=7', 'page=12')
    >>> without_noise("page=12&ref=beranda", "/berita/judul"), without_noise("id=7?fbclid=x&amp;share=wa", "/")
    ('', 'id=7')
    """
    while "&amp;" in query:  # out of a page's text
        query = query.replace("&amp;", "&")
    kept: list[str] = []
    weak: list[str] = []
    for given in query.split("&"):
        part = given if "?" not in given else _before_noise(given)
        if not part or is_noise(part):
            continue
        name, _, value = part.partition("=")
        pattern = WEAK_VALUES.get(name.lower())
        (kept if pattern is None or pattern.fullmatch(value) is None else weak).append(part)
    if weak and not kept and NAMELESS_PATH.fullmatch(path):
        kept = weak
    if len(kept) > 1:
        kept.sort(key=_name)
    return "&".join(kept)


def _before_noise(part: str) -> str:
    """What is left of a parameter to which others were added by `?`, where an `&` was meant."""
    while (at := part.rfind("?")) >= 0 and is_noise(part[at + 1 :]):
        part = part[:at]
    return part


def is_noise(part: str) -> bool:
    """Whether a parameter, as `name=value`, is noise wherever it stands."""
    name, _, value = part.partition("=")
    name = name.lower()
    if name in NAMES or name.startswith(PREFIXES):
        return True
    pattern = VALUES.get(name)
    return pattern is not None and pattern.fullmatch(value) is not None


def _name(part: str) -> str:
    return part.partition("=")[0]
