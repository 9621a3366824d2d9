"""The truth: one append-only database, written by one thread."""
