"""What a phone can be told, and what it needs for that: a table with sources."""
