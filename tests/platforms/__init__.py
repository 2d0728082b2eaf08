"""Learning platforms: their downloads in, their tables and files out."""
