"""Coursework on transformers, and the autograder that grades it."""

import sys

# jsonschema, through which nbformat checks notebooks, would compile a grammar of web addresses in
# every process that imports it: a second each time, for a format that no notebook holds.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
