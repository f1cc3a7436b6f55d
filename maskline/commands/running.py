"""`serve`, `up`, `stop`, `init`, `demo`: everything on one machine, before or behind the terminal."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.panel import Panel

from core.logging import configure
from maskline.commands.console import clear_errors, out, settings
from maskline.supervisor import EXIT_CONFIGURATION, Supervisor
from maskline.texts import text

if TYPE_CHECKING:
    from core.config import Settings
    from maskline.first_run import FirstPassword


def serve(
    log_dir: Annotated[Path | None, typer.Option(help="日志目录；默认输出到终端 / where logs go")] = None,
) -> None:
    """启动并监督全部进程（前台） / start and supervise every process, in the foreground."""
    from maskline import background
    from maskline.preflight import make_folders

    chosen = settings()
    configure("supervisor", level=chosen.log_level)
    with clear_errors(EXIT_CONFIGURATION):
        make_folders(chosen)
        with background.supervising(chosen):
            raise typer.Exit(asyncio.run(Supervisor(log_dir=log_dir).run()))


def up(
    *, demo: Annotated[bool, typer.Option(help="启动后播放演示 / play the demo after the start")] = True
) -> None:
    """准备、后台启动、演示（make run） / set up, start in the background, play the demo."""
    from maskline import background
    from maskline.first_run import prepare
    from maskline.preflight import check_ports, make_folders

    chosen = settings()
    with clear_errors(EXIT_CONFIGURATION):
        make_folders(chosen)
        pid = background.supervisor_pid(chosen)
        if pid is None:
            check_ports(chosen)
            password = asyncio.run(prepare(chosen, out))
            _start(chosen)
        else:
            password = None
            out.print(text("running", pid=pid, url=chosen.web.url))
    if demo:
        from maskline.commands.demo import play_on

        with clear_errors():
            play_on(chosen)
    _where(chosen, password)


def demo(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出 / print JSON")] = False,
) -> None:
    """在独立的数据目录中演示全过程 / play the whole job in a data folder of its own."""
    from maskline.commands.demo import play_alone

    play_alone(as_json=as_json)


def stop() -> None:
    """停止后台运行的全部进程（make stop） / stop what runs in the background."""
    from maskline import background

    out.print(text("stopped") if background.stop(settings()) else text("not-running"))


def init(
    secrets: Annotated[
        Path | None,
        typer.Option(help="只生成 docker-compose.yml 所需的密钥文件 / only docker-compose.yml's secrets"),
    ] = None,
) -> None:
    """只做首次准备，不启动 / make what a first start needs, and start nothing."""
    from maskline.first_run import prepare

    if secrets is not None:
        _make_secrets(secrets)
        return
    chosen = settings()
    with clear_errors(EXIT_CONFIGURATION):
        password = asyncio.run(prepare(chosen, out))
    if password is not None:
        show_password(password)


def _make_secrets(folder: Path) -> None:
    from maskline.preflight import CannotStart
    from maskline.secret_files import OWNERS, make_secrets

    with clear_errors():
        try:
            made = make_secrets(folder)
        except OSError:
            line = text("secrets-unwritable", path=folder)
            raise CannotStart(line, detail_zh=line) from None
    if not made.names:
        out.print(text("secrets-kept", path=folder), soft_wrap=True)
        return
    out.print(text("secrets-made", path=folder, names=" ".join(made.names)), soft_wrap=True)
    if not made.owned:
        lines = "\n".join(f"  sudo chown {OWNERS[name]} {folder / name}" for name in made.names)
        out.print(text("secrets-owners", lines=lines), soft_wrap=True, highlight=False)


def _start(chosen: "Settings") -> None:
    from maskline import background

    began = time.monotonic()
    process = background.start(chosen)
    with out.status(text("starting")) as status:
        asyncio.run(background.wait_until_ready(chosen, process, status.update))
    out.print(text("ready", seconds=time.monotonic() - began))


def _where(chosen: "Settings", password: "FirstPassword | None") -> None:
    out.print()
    out.print(f"{text('dashboard')}：{chosen.web.url}", highlight=False)
    if password is not None:
        show_password(password)
    out.print(text("stop-hint", logs=chosen.data_dir / "logs"), style="dim", highlight=False, soft_wrap=True)


def show_password(password: "FirstPassword") -> None:
    """Show an administrator's first password, this once."""
    lines = f"{text('administrator')}  {password.username}  {password.password}\n{text('password-once')}"
    out.print(Panel.fit(lines), highlight=False)
