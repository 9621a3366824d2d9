"""The benchmarks: each prints its figures and its ratio to a named peer or floor of the same run."""
