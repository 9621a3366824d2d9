"""Transmitters: one driver per protocol."""
