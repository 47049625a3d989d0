"""Before an experiment: its size, and whether the metrics can be trusted."""
