"""How good candidates are, judged by their features."""
