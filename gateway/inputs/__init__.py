"""Wired buttons: pins, the press filter, and the lights that answer."""
