"""What can go wrong with waking."""

from core.errors import Conflict, Unavailable


class WakeFull(Unavailable):
    """Too many phones are connected to this server; try another, or ask from time to time."""

    code = "wake-full"
    zh = "连接到本服务器的手机过多，请连接其他服务器，或改为定时查询。"


class MqttOff(Conflict):
    """This deployment has no MQTT; use the WebSocket or the long poll."""

    code = "mqtt-off"
    zh = "本部署未启用 MQTT，请使用 WebSocket 或长轮询。"


class BrokerRefused(Unavailable):
    """The MQTT broker did not do what it was asked."""

    code = "mqtt-broker-refused"
    zh = "MQTT 服务器未执行请求。"
