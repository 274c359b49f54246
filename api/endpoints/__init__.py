"""One file per resource: parse, one core call, answer."""
