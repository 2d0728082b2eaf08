"""The class report: one static page for the instructor."""
