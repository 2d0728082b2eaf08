"""Grades and feedback as learning platforms take them back."""
