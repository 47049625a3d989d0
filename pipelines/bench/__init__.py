"""How fast this machine does what Segue does."""
