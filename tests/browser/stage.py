"""A real web process in a thread, with a clock that the test moves."""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from sqlalchemy import create_engine

from core.blobs import LocalBlobStore
from core.clock import ManualClock
from core.config import Settings, WebSettings
from core.ledger import api as ledger_api
from core.status import DatabaseStatus
from core.vault import Keyring
from core.web.app import build_app
from core.web.server import serve
from dashboard.build import DashboardParts, build_pages
from gateway.calls import api as calls_api
from maskline.gateway_wiring import build_gateway, build_people
from maskline.ground import open_ground
from maskline.permissions import registry
from maskline.qa_wiring import build_quality
from maskline.tables import load_metadata
from qa.inspection import api as inspection_api
from tests.browser.seed import Seeded, Seeder

T = TypeVar("T")
PATIENCE_S = 60


class Stage:
    """One data folder, one server. `url` is where it listens."""

    def __init__(self, folder: Path, start: datetime) -> None:
        self.clock = ManualClock(start)
        self._folder = folder
        self._ready = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="stage")
        self.url = ""
        self.seeded = Seeded()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), "the server did not start"
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(PATIENCE_S)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told to the test's thread
            self._fault = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        settings = _settings(self._folder)
        async with open_ground(settings, self.clock) as ground:
            assert isinstance(ground.blobs, LocalBlobStore)
            gateway, quality = build_gateway(ground), build_quality(ground)
            people = build_people(ground, registry())
            self.seeder = Seeder(ground, gateway, people, self.clock)
            self.seeded = await self.seeder.run()
            providers = [DatabaseStatus(ground.database)]
            app = build_app(
                settings,
                endpoints=[
                    *calls_api.endpoints(None, gateway.calls, gateway.recordings),  # type: ignore[arg-type]
                    *inspection_api.endpoints(quality.reader, quality.alerts),
                    *ledger_api.endpoints(ground.ledger_service),
                ],
                permissions=registry(),
                authenticator=people.sessions,
                providers=providers,
                registry=CollectorRegistry(),
                clock=self.clock,
                pages=build_pages(
                    DashboardParts(
                        settings=settings,
                        clock=self.clock,
                        database=ground.database,
                        access=people,
                        calls=gateway.calls,
                        rules=gateway.rules,
                        inspections=quality.reader,
                        ledger=ground.ledger_service,
                        providers=providers,
                    )
                ),
            )
            async with serve(app, host="127.0.0.1", port=settings.web.port) as port:
                self.url = f"http://127.0.0.1:{port}"
                self._ready.set()
                await self._stop.wait()


def _settings(folder: Path) -> Settings:
    data = folder / "data"
    for name in ("keys", "blobs", "ledger"):
        (data / name).mkdir(parents=True, exist_ok=True)
    settings = Settings(data_dir=data, institution="云山贷款公司", web=WebSettings(port=_free_port()))
    Keyring.generate().save(settings.keyring_path)
    engine = create_engine(f"sqlite:///{data / 'maskline.db'}")
    load_metadata().metadata.create_all(engine)
    engine.dispose()
    return settings


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
