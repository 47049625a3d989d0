"""What all others share: ids, events, tables, database, warehouse, artifacts, settings."""
