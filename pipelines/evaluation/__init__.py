"""How a history is cut, who is judged, and by which lists: shared by everything that judges."""
