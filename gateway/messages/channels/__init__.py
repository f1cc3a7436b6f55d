"""The ways to the customers, each behind `gateway.messages.ports.MessageChannel`."""
