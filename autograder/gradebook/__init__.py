"""The gradebook station: nbgrader's database, written through nbgrader's own converters."""
