"""The state of the supply loop in the store: briefs, budgets, trials; jobs and service share it."""
