"""How experiments are analysed: pure functions of per-listener aggregates."""
