"""What a phone fetches and what it reports."""
