"""Experiments over HTTP: written, started, ended and told to clients."""
