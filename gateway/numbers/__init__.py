"""Lines of the institution, and bindings that tie a line, an employee and a customer together."""
