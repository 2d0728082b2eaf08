"""Notebooks in any form: read, matched to the released one, repaired. A step imports earlier ones.

    cells       a cell by itself: text, names, id
    scripts     scripts that were exported from notebooks
    read        any notebook or script, as nbformat 4
    match       which cell is which of the released ones
    order       cells that were moved, names used before they are defined
    misplaced   answers outside of their own cells
    repair      metadata, cells and order restored
    versions    repair against the release that a notebook was made from
"""
