"""The supply loop: what runs short is found, ordered, fetched and judged."""
