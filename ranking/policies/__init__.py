"""How a page is arranged from ranked candidates."""
