"""Music out of attributes: composing a piece, playing it, and writing it to a file."""
