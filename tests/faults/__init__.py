"""Kill a batch at random moments, again and again: nothing may be lost, nothing done twice."""
