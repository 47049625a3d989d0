"""Which variation a listener gets."""
