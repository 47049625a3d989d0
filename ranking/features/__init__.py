"""Candidates described in numbers, the same when serving and when training."""
