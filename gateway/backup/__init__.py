"""The whole box in one file, the way back from it, and the bundle that support may see."""
