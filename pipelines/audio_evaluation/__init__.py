"""Judging what the ear learned: retrieval and probes, cold start, near-duplicates."""
