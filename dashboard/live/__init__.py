"""What goes on now, told to open pages as it changes."""
