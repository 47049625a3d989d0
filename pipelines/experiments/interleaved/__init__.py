"""Which of two variations listeners prefer where both share every page."""
