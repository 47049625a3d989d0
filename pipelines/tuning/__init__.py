"""Searching settings of a ranker that rank better than today's, and saying by how much."""
