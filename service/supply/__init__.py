"""What product teams see and decide of the supply loop; a route calls one function of these."""
