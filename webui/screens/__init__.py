"""One module a screen: a blueprint, its routes, and nothing of another screen's."""
