"""Who gets which variant of the feed, and how two rankers share one page."""
