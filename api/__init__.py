"""The HTTP edge: parse, make one core call, answer."""
