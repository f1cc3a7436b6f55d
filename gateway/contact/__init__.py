"""The verdict: whether this employee may reach this customer now, and why not."""
