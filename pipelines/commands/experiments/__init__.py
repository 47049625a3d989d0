"""`segue experiment`: variants of the feed are tried on listeners, and judged."""
