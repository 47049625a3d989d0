"""Experiments while the service runs: which of them run, and what product teams say of them."""
