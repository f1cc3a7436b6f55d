"""The SIP engine in a process of its own, and our end of the socket to it. It knows no rule."""
