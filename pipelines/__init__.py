"""Offline jobs and the command line: everything that writes a table or an artifact."""
