"""Where a hash puts a listener, and which variation owns that place."""
