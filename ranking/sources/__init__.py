"""Where candidates come from; each offers at most `limit` tracks, best first."""
