"""The grading desk: a page in the browser where people grade written answers, by question."""
