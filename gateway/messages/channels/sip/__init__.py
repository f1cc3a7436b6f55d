"""SIP MESSAGE through the switch."""
