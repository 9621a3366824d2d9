"""From the journal to the ACHIVX server, exactly once."""
