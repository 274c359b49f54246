"""A Django project around examples/django: its settings, once per process, and a database in memory."""

import sys

import pytest
from newsrooms import EXAMPLES


def set_up() -> None:
    """Have Django with the example and the app `koran`; skip, with a word, where there is none."""
    pytest.importorskip("django", reason="there is no Django here: make test-examples")
    import django
    from django.conf import settings
    from django.core.management import call_command

    if settings.configured:
        return
    sys.path.append(str(EXAMPLES / "django"))
    settings.configure(
        INSTALLED_APPS=["populer_django", "koran"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        POPULER_URL="",
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
