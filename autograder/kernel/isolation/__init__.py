"""Isolation of student code: one policy, enforced by bubblewrap or from inside a forked process."""
