"""How good rankings are, one listener at a time."""
