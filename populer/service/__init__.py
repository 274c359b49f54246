"""The processes of a service: supervisor, children, live settings, logs, keys."""
