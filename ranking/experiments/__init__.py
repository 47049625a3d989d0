"""Experiments on the request path: who is in which, how rankers are interleaved."""
