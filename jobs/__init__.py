"""Scheduled work: thin rows around the core."""
