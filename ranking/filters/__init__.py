"""Which candidates are eligible; each answers with a mask."""
