"""What the desk answers to: a module for each kind of page."""
