"""The key figures of the shop, worked out from the journal, and other rules tried on its past."""
