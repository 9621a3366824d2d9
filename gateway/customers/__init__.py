"""The case and its customer: who they are, what is kept of them, and what they are told."""
