"""What grading found: reasons by their codes, their words, and verdicts."""
