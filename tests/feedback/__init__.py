"""Feedback pages: what they say, how they are written, and what never stands in them."""
