"""The read-only API: the mirror in the provider's own shape, and the verdicts in ours."""
