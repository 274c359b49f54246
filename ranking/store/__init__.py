"""What the core asks of a store, and the rooms that answer: redis/, embedded/, spool/."""
