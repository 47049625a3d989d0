"""What all the others share: ids, events, tables, database, warehouse, artifacts, settings, errors."""
