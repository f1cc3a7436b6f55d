"""The play of `demo`: on a system of its own, or on the one that runs."""

import asyncio
import json
import os
import tempfile
from pathlib import Path

import typer
from rich.progress import BarColumn, Progress, TextColumn

from core import config
from core.config import Settings
from maskline import background
from maskline.commands.console import clear_errors, err, out
from maskline.demo.evidence import verified_offline
from maskline.demo.message_report import print_messages
from maskline.demo.messages import message_faults
from maskline.demo.phone import HOST, free_port
from maskline.demo.phone_checks import phone_faults
from maskline.demo.phone_report import print_phones
from maskline.demo.play import DemoFailed
from maskline.demo.report import as_data, print_report
from maskline.demo.results import faults
from maskline.demo.stage import Performance, perform
from maskline.first_run import prepare
from maskline.texts import text

PORTS = 40
_CHANNELS = ("MASKLINE_CHAT__", "MASKLINE_SMPP__", "MASKLINE_WECOM__", "MASKLINE_SIP__TEXTS")


def play_alone(*, as_json: bool) -> None:
    """Play in a data folder of its own, which is gone at the end."""
    console = err if as_json else out
    with clear_errors(), tempfile.TemporaryDirectory(prefix="maskline-") as folder:
        chosen = _own_settings(Path(folder))
        asyncio.run(prepare(chosen, console))
        process = background.start(chosen)
        try:
            with console.status(text("starting")) as status:
                asyncio.run(background.wait_until_ready(chosen, process, status.update))
            performance, verified = asyncio.run(_perform(chosen))
        finally:
            background.stop(chosen)
            process.wait(timeout=60)
    wrong = _faults(performance)
    if as_json:
        typer.echo(_as_json(performance, wrong, verified=verified, indent=2))
    else:
        _print(performance, chosen)
    with clear_errors():
        _judge(wrong, verified=verified)


def play_on(chosen: Settings) -> None:
    """Play on the running system, once: its data stays, and the caps of a day count for the demo too."""
    marker = chosen.data_dir / "demo.json"
    if marker.exists():
        out.print(text("demo-known"))
        return
    performance, verified = asyncio.run(_perform(chosen))
    _print(performance, chosen)
    wrong = _faults(performance)
    _judge(wrong, verified=verified)
    marker.write_text(_as_json(performance, wrong, verified=verified))
    out.print()
    out.print(text("demo-logins"))
    for login in performance.cast.logins:
        password = performance.passwords[login.username]
        secret = performance.totp_secrets.get(login.username)
        more = f"  {text('demo-totp')} {secret}" if secret else ""
        out.print(
            f"  {login.display_name}  {login.role}  {login.username}  {password}{more}", highlight=False
        )


async def _perform(chosen: Settings) -> tuple[Performance, bool]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, console=err, transient=True) as progress:
        tasks: dict[str, object] = {}

        def tell(step: str, done: float) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(text(f"demo-{step}"), total=1.0)
            progress.update(tasks[step], completed=done)  # type: ignore[arg-type]

        performance = await perform(chosen, tell)
        return performance, await verified_offline(chosen, performance.played, performance.messages)


def _faults(performance: Performance) -> list[str]:
    return [
        *faults(performance.played),
        *message_faults(performance.messages),
        *phone_faults(performance.phones, performance.leaving),
    ]


def _print(performance: Performance, chosen: Settings) -> None:
    print_report(out, performance.played)
    print_messages(out, performance.messages)
    folder = str(chosen.data_dir / "demo-phones")
    print_phones(out, performance.phones, performance.leaving, chosen.web.url, folder)


def _as_json(performance: Performance, wrong: list[str], *, verified: bool, indent: int | None = None) -> str:
    data = as_data(
        performance.played,
        performance.messages,
        performance.phones,
        performance.leaving,
        wrong,
        verified=verified,
    )
    return json.dumps(data, ensure_ascii=False, indent=indent)


def _judge(wrong: list[str], *, verified: bool) -> None:
    if wrong or not verified:
        lines = "; ".join([*wrong, *([] if verified else ["the evidence does not verify"])])
        raise DemoFailed(lines, detail_zh=lines)


def _own_settings(folder: Path) -> Settings:
    """Settings for a system that disturbs no other: own folder, free ports. The children read them too."""
    ports = free_port()
    for name in [name for name in os.environ if name.startswith(_CHANNELS)]:
        del os.environ[name]  # no provider of ours hears of a demo
    os.environ.update(
        MASKLINE_CONFIG=str(folder / "none.toml"),
        MASKLINE_DATA_DIR=str(folder / "data"),
        MASKLINE_WEB__HOST=HOST,
        MASKLINE_WEB__PORT=str(free_port()),
        MASKLINE_CHAT__HOST=HOST,
        MASKLINE_CHAT__PORT=str(free_port()),
        MASKLINE_SIP__HOST=HOST,
        MASKLINE_SIP__PORT=str(free_port()),
        MASKLINE_SIP__TRUNK_HOST=HOST,
        MASKLINE_SIP__TRUNK_PORT=str(free_port()),
        MASKLINE_MEDIA__HOST=HOST,
        MASKLINE_MEDIA__PORT_LOW=str(min(ports, 65000)),
        MASKLINE_MEDIA__PORT_HIGH=str(min(ports, 65000) + PORTS),
        MASKLINE_LEDGER__CHECKPOINT_INTERVAL_S="3",
    )
    for name in ("MASKLINE_DATABASE_URL", "MASKLINE_BROKER_URL", "MASKLINE_KEYRING", "MASKLINE_SECRETS_DIR"):
        os.environ.pop(name, None)
    return config.load()
