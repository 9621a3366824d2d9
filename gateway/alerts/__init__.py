"""What staff must answer: the rules, the desk, the escalation ladder."""
