"""The grading desk: its rubrics and marks, its pages, and how it puts like answers together."""
