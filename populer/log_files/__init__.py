"""Every format of logs and tables that is read."""
