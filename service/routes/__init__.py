"""One file a family of endpoints; a route reads its arguments, calls one function, answers."""
