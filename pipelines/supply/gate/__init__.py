"""The gate: every new recording is measured, judged, and let on trial or turned away."""
