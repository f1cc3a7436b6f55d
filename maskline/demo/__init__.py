"""The demo: real SIP phones on loopback talk through the gateway, and the whole job is shown."""
