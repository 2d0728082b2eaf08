"""Tests of the pairs that are alike."""
