"""The processes. Each has a module of its own, loaded only in the process that is it."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from core.config import Settings
from core.errors import MasklineError
from core.logging import configure, get_logger
from core.web.problems import where_raised
from maskline.supervisor import EXIT_CONFIGURATION, die_with_supervisor
from maskline.texts import language

_log = get_logger(__name__)
AsyncMain = Callable[[Settings, asyncio.Event], Awaitable[None]]


def run(name: str, settings: Settings) -> int:
    """Run one process in the foreground until SIGTERM.

    A setting that cannot work: one clear line and code 78, which tells the supervisor not to try again.
    """
    die_with_supervisor()
    os.umask(0o077)  # whatever a process writes is for this user alone
    configure(name, level=settings.log_level)
    try:
        import_module(f"maskline.processes.{name}").main(settings)
    except MasklineError as error:
        os.write(2, f"{name}: {error.message(language())}\n".encode())
        return EXIT_CONFIGURATION
    except Exception as error:  # noqa: BLE001 - the text of an unforeseen error may quote personal data
        _log.critical("process.broke", error_type=type(error).__name__, where=where_raised(error))
        return 1
    return 0


def until_told(main: AsyncMain, settings: Settings) -> None:
    """Run a coroutine with an event that SIGTERM or SIGINT sets."""

    async def guarded() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await main(settings, stop)

    asyncio.run(guarded())


def leave() -> NoReturn:
    """End now. For a process that has closed everything: taking its objects apart would take seconds more."""
    logging.shutdown()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)
