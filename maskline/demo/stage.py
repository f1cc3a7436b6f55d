"""A performance from beginning to end: set the stage, log everybody in, play, collect."""

from dataclasses import dataclass, field

from core.config import Settings
from maskline.demo.cast import Cast, set_stage
from maskline.demo.fleet import FleetPlay, PlayedPhones
from maskline.demo.leaving import PlayedLeaving
from maskline.demo.messages import MessagePlay, PlayedMessage
from maskline.demo.play import Play, PlayedCall, Tell, everybody
from maskline.demo.results import Collector
from maskline.ground import open_ground


@dataclass(frozen=True, slots=True)
class Performance:
    """What was played, by whom, and the passwords that the people chose."""

    played: list[PlayedCall]
    messages: list[PlayedMessage]
    phones: PlayedPhones
    leaving: PlayedLeaving
    cast: Cast
    passwords: dict[str, str] = field(repr=False)
    totp_secrets: dict[str, str] = field(repr=False)
    """Of whom a password alone lets in nowhere."""


async def perform(settings: Settings, tell: Tell) -> Performance:
    """Play on the system that runs with these settings."""
    async with open_ground(settings) as ground:
        cast = await set_stage(ground)
    async with everybody(cast, settings.web.url) as apis:
        played = await Play(settings, cast, apis, tell).run()
        messages = await MessagePlay(settings, cast, apis, tell).run()
        async with FleetPlay(settings, cast, apis, tell) as fleet:
            phones = await fleet.run()
            tell("inspection", 0.0)
            await Collector(cast, apis).collect(played)
            await fleet.collect(phones)
            tell("inspection", 1.0)
            leaving = await fleet.leave()
        passwords = {username: api.password for username, api in apis.items()}
        secrets = {username: api.totp_secret for username, api in apis.items() if api.totp_secret}
        return Performance(played, messages, phones, leaving, cast, passwords, secrets)
