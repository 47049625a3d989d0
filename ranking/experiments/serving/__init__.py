"""Pages of listeners who are in experiments: what they get, and whether it mattered."""
