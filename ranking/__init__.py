"""The core: counting, decay, ranking, publishing. No web framework, scheduler or argument parsing in here."""

__version__ = "0.1.0"
