"""Two rankers beside each other: as they are, and recipe against recipe."""
