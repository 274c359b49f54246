"""The use case of counting: events to batches to the store, or to the spool."""
