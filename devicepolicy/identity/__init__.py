"""Who signs: phones their requests, the server what it tells a phone."""
