"""From a recording to a unit vector."""
