"""ASGI, authentication, problems, compression and files: what every endpoint needs."""
