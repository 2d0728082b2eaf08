"""Cross-feedback: groups comment on each other's anonymous notebooks.

rounds.py draws who reviews whom, handout.py writes the anonymous notebooks (anonymise.py, with
redaction.py and pictures.py), collect.py takes the comments back, merge.py puts them into feedback
pages, and report.py says who took part. comment_cells.py knows the cells for comments.
"""
