"""Experiments and features as JSON tells them."""
