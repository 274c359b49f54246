"""The front door: the command line, and which processes run together. Nothing imports it."""
