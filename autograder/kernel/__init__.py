"""The kernel station: student code runs here, in a sandbox, and nowhere else."""
