"""The supply loop: find what runs short, order it, judge it, try it, learn."""
