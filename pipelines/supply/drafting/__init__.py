"""Drafting: from what runs short to briefs, in plain words and without anybody's name."""
