"""Telling an experiment tracker what was run, without the jobs knowing which."""
