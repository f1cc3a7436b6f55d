"""Makes connections to the MQTT broker."""

import ssl

import aiomqtt

from core.phone_settings import MqttSettings

WINDOW = 100
"""Messages on their way at once."""


def connect(settings: MqttSettings, username: str, password: str, client_id: str) -> aiomqtt.Client:
    """Make a client; as a context manager it connects, and raises `aiomqtt.MqttError` where it cannot."""
    client = aiomqtt.Client(
        settings.host,
        settings.port,
        username=username,
        password=password,
        identifier=client_id,
        timeout=10,
        keepalive=30,
        max_inflight_messages=WINDOW,
        max_concurrent_outgoing_calls=WINDOW,
        tls_context=ssl.create_default_context(cafile=settings.ca_file) if settings.tls else None,
    )
    client.pending_calls_threshold = WINDOW  # else it warns of each call above ten
    return client
