"""The worker's handlers fit the gateway's topics, and the house wires all of them."""

from core.config import Settings
from core.vault import Keyring
from gateway.messages import events
from maskline.celery_app import QUEUES
from maskline.ground import open_ground
from maskline.wiring.quality import build_inspecting, build_quality
from qa.inspection.reading import InspectionReader
from qa.speech.errors import NoSpeechEngine
from qa.tasks import handlers


def no_engine():
    raise NoSpeechEngine


async def test_every_topic_of_messages_for_quality_has_its_handler(settings: Settings) -> None:
    settings.keyring_path.parent.mkdir(parents=True)
    Keyring.generate().save(settings.keyring_path)
    async with open_ground(settings) as ground:
        work = build_inspecting(ground, no_engine)
        topics = set(handlers(work.calls, work.messages))
        assert isinstance(build_quality(ground).reader, InspectionReader)
    told = {events.MESSAGE_FINISHED, events.DAY_CLOSED, events.VOICE_RECEIVED, events.CONDUCT_SEEN}
    assert topics == told | {"call.ended"}
    assert set(QUEUES) <= topics
    assert events.MESSAGE_FINISHED not in QUEUES  # an alert does not wait behind a transcription's queue
