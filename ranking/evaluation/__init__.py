"""How models are compared: splits, intervals, tables."""
