"""Notes about a customer and the next steps with them."""
