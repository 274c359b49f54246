"""The service's own requests to other servers."""
