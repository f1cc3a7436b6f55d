"""The device wing: phones under policy. Its place in the house; nothing of it is built yet."""
