"""How the demo's pages are printed: templates, Indonesian dates and numbers, and what a browser may load.

Pages carry no inline script or style and say so in a Content-Security-Policy, because newsrooms with a strict
policy must be able to copy them.
"""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from populer.demo.art import picture
from populer.demo.articles import section_slug
from populer.demo.audience import READERS_BY_HOUR

HERE = Path(__file__).parent
#: What the service's own list pages are made of, and what these share with the newsroom's.
LIST_TEMPLATES = HERE / "lists"
NAME = "Harian Segara"
WIB = ZoneInfo("Asia/Jakarta")
LOCALE = "id"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
CURVE_WIDTH, CURVE_HEIGHT = 96, 20


class Press:
    """Prints pages."""

    def __init__(self) -> None:
        self.templates = Environment(
            loader=FileSystemLoader([HERE / "templates", LIST_TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals.update(site=NAME, picture=picture)
        self.templates.filters.update(
            full_date=full_date, short_date=short_date, day=day, iso=iso, slug=section_slug, number=number
        )

    def page(self, template: str, status: int = 200, **context: object) -> HTMLResponse:
        """A page of the demo."""
        return HTMLResponse(
            self.templates.get_template(template).render(**context),
            status_code=status,
            headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"},
        )


def full_date(at: float) -> str:
    """The form of the lists' own labels, of epoch seconds.

    >>> full_date(1_764_530_940.0)
    'Senin, 01 Desember 2025 | 02:29'
    """
    return format_datetime(_moment(at), "EEEE, dd MMMM yyyy '|' HH:mm", tzinfo=WIB, locale=LOCALE)


def short_date(at: float) -> str:
    """
    >>> short_date(1_764_530_940.0)
    '1 Des | 02:29 WIB'
    """
    return format_datetime(_moment(at), "d MMM '|' HH:mm 'WIB'", tzinfo=WIB, locale=LOCALE)


def day(at: float) -> str:
    """
    >>> day(1_764_530_940.0)
    'Senin, 1 Desember 2025'
    """
    return format_datetime(_moment(at), "EEEE, d MMMM yyyy", tzinfo=WIB, locale=LOCALE)


def iso(at: float) -> str:
    """
    >>> iso(1_764_530_940.0)
    '2025-12-01T02:29:00+07:00'
    """
    return _moment(at).isoformat(timespec="seconds")


def number(value: float, pattern: str = "#,##0.##") -> str:
    """
    >>> number(1234.5), number(0.3333)
    ('1.234,5', '0,33')
    """
    return str(format_decimal(value, pattern, locale=LOCALE))


def day_curve() -> str:
    """The readers' day as an SVG path of CURVE_WIDTH x CURVE_HEIGHT, from midnight to midnight."""
    hours = [*READERS_BY_HOUR, READERS_BY_HOUR[0]]
    points = [
        f"{CURVE_WIDTH * hour / 24:.1f} {CURVE_HEIGHT * (1 - 0.9 * readers / max(hours)):.1f}"
        for hour, readers in enumerate(hours)
    ]
    return f"M{' L'.join(points)}"


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, WIB)
