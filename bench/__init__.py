"""The benchmarks: each prints its ratio to a named peer or floor of the same run."""
