"""Experiments in the service: which of them run, and what product teams and clients are told."""
