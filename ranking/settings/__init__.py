"""Every setting as a checked value. The front door reads the file; nothing here does."""
