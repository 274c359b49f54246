"""`populer config check`: whether a settings file can be used."""

from pathlib import Path

from populer.config import load


def run(file: Path) -> None:
    """Print that `file` is good, with its config version.

    Raises:
        SettingsError: it cannot be used; each sentence names a setting, what was expected and what was found.
    """
    settings = load(file, {}).settings
    print(f"{file}: good (config version {settings.config_version})")  # noqa: T201
