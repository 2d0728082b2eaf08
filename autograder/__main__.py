"""The command `autograder`. It is imported by each process that judges, and so imports nothing."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from autograder import cli

    cli.main()


if __name__ == "__main__":
    main()
