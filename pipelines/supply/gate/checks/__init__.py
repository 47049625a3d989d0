"""What the gate checks: one question a file, each answered from measurements alone."""
