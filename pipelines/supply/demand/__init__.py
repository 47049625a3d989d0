"""Demand: who would like what, how much of it they would hear, and what is left for them."""
