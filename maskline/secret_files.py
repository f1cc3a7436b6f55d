"""The secrets of the scaled set-up as files, as docker-compose.yml names them; made once, kept for ever."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from core.errors import Conflict
from core.files import replace_private
from core.vault import Keyring

PASSWORD_BYTES = 24
# Who reads a file in its container: Dockerfile's user, and that of the postgres and rabbitmq images.
OWNERS = {
    "maskline_keyring": 10001,
    "maskline_database_url": 10001,
    "maskline_broker_url": 10001,
    "postgres_password": 999,
    "rabbitmq_conf": 999,
}


class SecretsIncomplete(Conflict):
    """A secret is there, but the one that goes with it is not; restore it, or remove both."""

    code = "secrets-incomplete"
    zh = "成对的密钥文件只剩其一，请恢复缺失的文件，或将两者都删除。"


@dataclass(frozen=True, slots=True)
class Made:
    """Names of the files that were written, and whether their readers may open them already."""

    names: tuple[str, ...]
    owned: bool


def make_secrets(folder: Path) -> Made:
    """Write what is missing, each file with mode 0600 in a folder with mode 0700; nothing is overwritten.

    A password stands in two files: where it is used and where it is set. As root, each file is given to the
    user that reads it in its container.

    Raises:
        SecretsIncomplete: only one of such two is there; nothing was written.
        OSError: the folder cannot be written.
    """
    for one, other in (
        ("postgres_password", "maskline_database_url"),
        ("rabbitmq_conf", "maskline_broker_url"),
    ):
        if (folder / one).exists() != (folder / other).exists():
            present, missing = (one, other) if (folder / one).exists() else (other, one)
            raise SecretsIncomplete(
                f"{folder / present} / {missing}", detail_zh=f"{folder / present} / {missing}"
            )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    missing_files = {name: text for name, text in _contents().items() if not (folder / name).exists()}
    for name, text in missing_files.items():
        replace_private(folder / name, text.encode(), overwrite=False)
        if os.geteuid() == 0:
            os.chown(folder / name, OWNERS[name], OWNERS[name])
    return Made(tuple(missing_files), owned=os.geteuid() == 0)


def _contents() -> dict[str, str]:
    database, broker = secrets.token_urlsafe(PASSWORD_BYTES), secrets.token_urlsafe(PASSWORD_BYTES)
    return {
        "maskline_keyring": Keyring.generate().dump(),
        "postgres_password": database,
        "maskline_database_url": f"postgresql+psycopg://maskline:{database}@postgres:5432/maskline",
        "rabbitmq_conf": f"default_user = maskline\ndefault_pass = {broker}\n",
        "maskline_broker_url": f"amqp://maskline:{broker}@rabbitmq:5672//",
    }
