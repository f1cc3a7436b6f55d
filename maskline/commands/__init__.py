"""What the command line can do besides running a process, one file a group."""
