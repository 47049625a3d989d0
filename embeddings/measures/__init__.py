"""What can be measured in a recording without knowing its score; no torch, nothing learned."""
