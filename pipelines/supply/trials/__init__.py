"""Trials of new tracks: what they are measured by, when they are decided, and how."""
