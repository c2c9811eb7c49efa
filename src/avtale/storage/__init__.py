"""Where the rows live: SQLite embedded, PostgreSQL beside; one contract for both."""
