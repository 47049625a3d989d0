"""What an experiment would change, seen before anybody is in it."""
