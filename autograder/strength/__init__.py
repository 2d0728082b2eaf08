"""How strong hidden tests are against wrong answers that nobody has thought of."""
