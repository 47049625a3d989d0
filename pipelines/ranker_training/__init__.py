"""The ranker's lessons: examples out of the warehouse, trees out of examples, and both as files."""
