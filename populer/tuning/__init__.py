"""Tuning from the command line: candidates, the run and its output."""
