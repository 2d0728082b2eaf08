"""The report station: what people read of grades, on a terminal and as files."""
