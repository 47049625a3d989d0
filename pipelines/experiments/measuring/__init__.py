"""From what listeners did to per-listener values and the aggregates of an experiment."""
