"""A web chat for customers: one link, one thread, no app, no login."""
