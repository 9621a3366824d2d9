"""Sessions that can be ended, and who has done what to the box."""
