"""Generators: what makes a track when it is asked for one."""
