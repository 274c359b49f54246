"""The use case of ranking: counts of a site to published lists, sealed buckets and answered questions."""
