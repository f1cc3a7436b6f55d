"""Plugs the wings into each other and onto the ground: the only place that knows what each one needs."""
