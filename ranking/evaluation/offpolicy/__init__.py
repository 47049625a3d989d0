"""What another policy would have earned, estimated from what one policy showed and logged."""
