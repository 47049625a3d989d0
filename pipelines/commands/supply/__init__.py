"""`segue supply`: what runs short is found, ordered, judged and tried."""
