"""Plays the server and checks an agent's answers, for authors of agents."""
