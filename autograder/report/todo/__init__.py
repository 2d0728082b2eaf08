"""What needs a person: one list, each entry with its reason and where to go."""
