"""Text as it is compared."""

import unicodedata


def folded(text: str) -> str:
    """Canonical Unicode, without upper case and surplus blanks.

    >>> folded("  Ekonomi   BISNIS ")
    'ekonomi bisnis'
    """
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
