"""Judging a feed that never served by the pages that another one served and logged."""
