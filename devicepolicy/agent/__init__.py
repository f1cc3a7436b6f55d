"""Reference agent: the whole phone's side of Maskline's protocol, against a simulated phone.

It shares no code with the server: what it knows of the protocol it has from docs/reference/agent-protocol.md.
"""

__version__ = "1.0.0"
