"""Feedback worth reading: one self-contained page a student and homework."""
