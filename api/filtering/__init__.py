"""What an event must pass before it counts."""
