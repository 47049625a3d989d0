"""From aggregates to conclusions: effects, decisions, segments, novelty."""
