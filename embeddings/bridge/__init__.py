"""From what a track sounds like to who plays it: a factor for tracks that nobody played yet."""
