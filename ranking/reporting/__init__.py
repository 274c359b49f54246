"""Reports: what was read in a range of time, as a newsroom asks for it."""
