"""The page that shows what an experiment found."""
