"""Cross-feedback: a round over seven groups, from handing out to the feedback page."""
