"""The gateway: buttons in, pages out, every event kept and synced exactly once."""

__version__ = "0.1.0"
