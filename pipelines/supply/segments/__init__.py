"""Segments of taste: what belongs together by sound, words and listeners, under lasting names."""
