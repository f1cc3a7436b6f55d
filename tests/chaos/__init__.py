"""Everything killed at random while people call and write: the books must still be right."""
