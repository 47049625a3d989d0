"""One page a data scientist would show: what was judged, where, why, and what it changes."""
