"""What people gave for written answers: rubric items and marks, in the gradebook's database."""
