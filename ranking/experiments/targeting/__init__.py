"""Which listeners an experiment is for, judged as client SDKs judge."""
