"""The store in Redis or Valkey; the only importer of the driver."""
