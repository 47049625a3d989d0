"""The commands of `segue`, one file a command or family."""
