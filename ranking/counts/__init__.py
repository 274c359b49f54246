"""Counts per bucket, item and channel, as arrays: cells, columns, sealed buckets, the catalogue of items."""
