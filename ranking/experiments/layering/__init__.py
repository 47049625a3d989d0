"""Which experiments may run together, and how one grows."""
