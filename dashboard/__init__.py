"""The web pages. Reads and calls the services below; holds no rule."""
