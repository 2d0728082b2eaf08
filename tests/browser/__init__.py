"""The kit in a real browser: JupyterLab and Notebook 7 for students, formgrader for TAs."""
