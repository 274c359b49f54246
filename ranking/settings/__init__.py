"""Every setting as a checked value; the front door reads the file, nothing here does."""
