"""What is known of a listener, and how interactions change it."""
