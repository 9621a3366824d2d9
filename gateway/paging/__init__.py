"""From a text to a wrist: queue, text fitting, receipts."""
