"""Similarity: pairs of submissions that share more than the skeleton and the class explain."""
