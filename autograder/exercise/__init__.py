"""An exercise as it is written: its source, solution, edits, parts and readings."""
