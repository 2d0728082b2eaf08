"""Small stand-ins for what the exercises take from the Hugging Face hub, made by this kit."""
