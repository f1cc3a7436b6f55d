"""What was done with files: one list in time order over all places that know of it."""
