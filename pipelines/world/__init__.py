"""The built-in world: composed and rendered tracks, and listeners who have tastes over them."""
