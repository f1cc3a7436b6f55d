"""The gateway wing: customers, lines, verdicts, calls and their media."""
