"""What aggregates say: effects, their intervals, and the decision."""
