"""Elements of an HTML page, and a title that tries to break out of one."""

from html.parser import HTMLParser

HOSTILE = "</script><script>alert(1)</script> & \"' <b>\x00\x0b\ufffe"


class Elements(HTMLParser):
    """The elements of a page as a browser parses it: each tag with its attributes, and the text inside it."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    def text(self, tag: str) -> list[str]:
        return [text.strip() for (name, _), text in zip(self.found, self.texts, strict=True) if name == tag]
