"""Benchmarks of a real stack, each beside the floor that this machine gives in the same run."""
