"""The commands of `achivx-gateway`: each module adds a few to the parser."""
