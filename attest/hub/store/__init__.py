"""What the hub knows: SQLite in one file, or PostgreSQL; the same tables, the same queries."""
