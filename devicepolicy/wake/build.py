"""Puts waking together: hub, log, what stands for a phone, and MQTT where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.phone_settings import PhoneSettings
from core.vault import Vault
from core.web.endpoint import Endpoint
from devicepolicy.devices.events import DesiredChanged, DeviceEnded
from devicepolicy.identity.gate import DeviceGate
from devicepolicy.wake.api import WakeTimes, endpoints
from devicepolicy.wake.dynsec import MosquittoDoor
from devicepolicy.wake.hub import HubLimits, WakeHub
from devicepolicy.wake.log import Tail
from devicepolicy.wake.mqtt import MqttWaker
from devicepolicy.wake.pace import Pace
from devicepolicy.wake.service import Standing, Waiting, Wakes


@dataclass(frozen=True, slots=True)
class Waking:
    """The services of the slice. `hub` is started by the process that serves phones, and by no other."""

    hub: WakeHub
    wakes: Wakes
    standing: Standing
    times: WakeTimes
    door: MosquittoDoor | None
    mqtt: MqttWaker | None
    pace: Pace

    def endpoints(self, gate: DeviceGate) -> list[Endpoint]:
        return endpoints(self.hub, self.standing, gate, self.times, self.door)


def build_waking(
    *,
    database: Database,
    clock: Clock,
    vault: Vault,
    bus: EventBus,
    settings: PhoneSettings,
    places: Sequence[Waiting],
) -> Waking:
    """Build the services, and wake phones as soon as something else is wanted of them.

    `places` say what there is for a phone that connects just now.
    """
    wake, mqtt = settings.wake, settings.mqtt
    hub = WakeHub(Tail(database), HubLimits(wake.connections, wake.poll_s, wake.per_s))
    wakes = Wakes(clock, hub)
    bus.subscribe(DesiredChanged, wakes.on_desired_changed)
    bus.subscribe(DeviceEnded, wakes.on_device_ended)
    door = MosquittoDoor(mqtt, vault) if mqtt.enabled else None
    return Waking(
        hub=hub,
        wakes=wakes,
        standing=Standing(database, places),
        times=WakeTimes(wake.heartbeat_s, wake.long_poll_s),
        door=door,
        mqtt=None if door is None else MqttWaker(database, mqtt, door, poll_s=wake.poll_s),
        pace=Pace(database, clock, wake.at_once),
    )
