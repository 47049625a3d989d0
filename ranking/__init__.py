"""From a listener's request to an ordered feed."""
