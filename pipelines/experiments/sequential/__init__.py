"""What may be looked at while it runs, without being misled."""
