"""Benchmarks: avtale beside its peers and the limits of the machine, in one run; prints ratios."""
