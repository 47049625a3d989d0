"""Who got slots, hours and money, what generation cost, and whom it displaced."""
