"""What comes in: events, items, visits and addresses, as values. No I/O, no clock."""
