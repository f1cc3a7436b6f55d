"""Messages inspected like calls: screened the moment they are sent, and each day of a thread as a whole."""
