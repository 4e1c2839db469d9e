"""A simulated year: a provider that knows the truth, real syncs, and every verdict held against what it knows."""
