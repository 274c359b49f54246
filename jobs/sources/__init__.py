"""Readers of feeds, sitemaps and pages: bytes in, items out."""
