"""Remedies: offers, codes, issue and redemption."""
