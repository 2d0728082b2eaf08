"""What grading found: reasons by their codes, their words, verdicts, graded submissions."""
