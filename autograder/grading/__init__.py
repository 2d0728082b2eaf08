"""The steps of grading, from a submission in submitted/ to its feedback page (batch.py)."""
