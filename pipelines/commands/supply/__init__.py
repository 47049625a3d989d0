"""`segue supply`: one file a command."""
