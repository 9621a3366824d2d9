"""The ACHIVX server's wire contract and the code generated from it."""
