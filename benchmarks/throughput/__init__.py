"""How fast a class is graded: beside other graders, beside the floor, and as it grows."""
