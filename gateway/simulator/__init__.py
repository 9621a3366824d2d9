"""A shop without hardware: for the demo and for tests; speaks the real protocols."""
