"""Checks on the text of a submission: nothing of it is run."""
