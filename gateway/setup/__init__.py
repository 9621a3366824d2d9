"""Setting the box up from a phone: claim, wizard, changes of the settings, and starting anew."""
