"""The models of a newsroom's app."""

from django.db import models


class Tag(models.Model):
    """A tag of articles."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Article(models.Model):
    """An article, which readers can open once it is public."""

    title = models.CharField(max_length=200)
    slug = models.SlugField()
    is_public = models.BooleanField(default=True)
    tags = models.ManyToManyField(Tag)

    def __str__(self) -> str:
        return self.title


def as_item(article: Article) -> dict[str, object] | None:
    """What the service is told of an article."""
    if not article.is_public:
        return None
    tags = [tag.name for tag in article.tags.order_by("pk")]
    return {
        "title": article.title,
        "url": f"https://news.example/{article.slug}",
        "section": "Olah Raga & Gaya",
        "tags": tags,
    }
