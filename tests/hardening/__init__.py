"""Hostile and clumsy requests against the whole of the web process, route by route."""
