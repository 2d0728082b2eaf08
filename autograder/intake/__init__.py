"""The intake station: from what students upload to nbgrader's submitted/ID/ASSIGNMENT/."""
