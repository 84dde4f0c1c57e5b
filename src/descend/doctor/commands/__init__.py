"""The subcommands of `descend`, their shared options, and what they print on the terminal."""
