"""The audio encoder: its network, what it learns from, and its training; the only user of torch."""
