"""The Celery app: one task, `deliver`, which takes a message of the outbox to its handler.

The broker carries an outbox id and nothing else. Everything that makes delivery reliable (retries,
lease, acknowledgement in the transaction of the effect) is the outbox's, so a broker that forgets
a message at a kill -9, as the file system one does, loses nothing.
"""

from pathlib import Path
from typing import Any

from celery import Celery
from kombu.entity import Queue

from core.config import Settings

TASK = "maskline.deliver"
# A transcription takes a minute; a page's small task must not wait behind it.
QUEUES = dict.fromkeys(("call.ended", "thread.day_closed", "message.voice"), "inspection")
DEFAULT_QUEUE = "default"


def make_celery(settings: Settings) -> Celery:
    """Configure the app for the broker of `settings`, by default a folder on this machine."""
    app = Celery("maskline", set_as_current=False)
    app.conf.update(
        broker_url=_broker_url(settings),
        broker_transport_options=_transport_options(settings),
        broker_connection_retry_on_startup=True,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_soft_shutdown_timeout=20,
        task_default_queue=DEFAULT_QUEUE,
        task_queues=[
            Queue(name, queue_arguments=_queue_arguments(settings))
            for name in (DEFAULT_QUEUE, *sorted(set(QUEUES.values())))
        ],
        task_create_missing_queues=False,
    )
    return app


def publish(app: Celery, topic: str, outbox_id: str) -> None:
    """Put a message on the queue of its topic; raises when the broker does not take it."""
    app.send_task(TASK, args=[outbox_id], queue=QUEUES.get(topic, DEFAULT_QUEUE), retry=False)


def _queue_arguments(settings: Settings) -> dict[str, str]:
    """RabbitMQ keeps a quorum queue on several nodes; `task_default_queue_type` reaches no named queue."""
    return {"x-queue-type": "quorum"} if _broker_url(settings).startswith("amqp") else {}


def _broker_url(settings: Settings) -> str:
    return settings.broker_url.get_secret_value() if settings.broker_url else "filesystem://localhost/"


def _transport_options(settings: Settings) -> dict[str, Any]:
    url = _broker_url(settings)
    if url.startswith("filesystem"):
        folder = broker_folder(settings)
        return {
            "data_folder_in": str(folder),
            "data_folder_out": str(folder),
            "control_folder": str(folder / "control"),
            "store_processed": False,
            "polling_interval": 0.2,
        }
    if url.startswith("amqp"):
        return {"confirm_publish": True}
    return {"visibility_timeout": 3600}


def broker_folder(settings: Settings) -> Path:
    """The folder of the built-in broker, made with mode 0700."""
    folder = settings.data_dir / "broker"
    (folder / "control").mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
