"""A real web process in a thread, with a clock that the test moves."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from sqlalchemy import create_engine

from core.blobs import LocalBlobStore
from core.clock import ManualClock
from core.config import Settings, WebSettings
from core.ids import new_id
from core.status import DatabaseStatus
from core.vault import Keyring
from core.web.app import API_PREFIX, build_app
from core.web.endpoint import Endpoint
from core.web.server import serve
from dashboard.build import build_pages
from gateway.calls.control import Hanger
from gateway.calls.service import PlacedCall
from maskline.ground import open_ground
from maskline.permissions import registry
from maskline.processes.web import api_endpoints
from maskline.tables import load_metadata
from maskline.wiring.gateway import build_gateway, build_people
from maskline.wiring.messages import build_message_services
from maskline.wiring.pages import dashboard_parts
from maskline.wiring.phones import build_phones
from maskline.wiring.quality import build_quality
from tests.browser.seed import Seeded, Seeder
from tests.support.ports import free_port

T = TypeVar("T")
PATIENCE_S = 240


class CallsProcessTwin:
    """Stands for the calls process: it notes what it was told. `fault` is raised by the next wish."""

    def __init__(self) -> None:
        self.placed: list[tuple[str, str]] = []
        self.ended: list[str] = []
        self.fault: Exception | None = None

    async def place(self, employee_id: str, binding_id: str, idempotency_key: str | None) -> PlacedCall:
        del idempotency_key
        self._maybe_fail()
        self.placed.append((employee_id, binding_id))
        return PlacedCall(new_id(), new_id())

    async def hangup(self, call_id: str, by: Hanger) -> None:
        del by
        self._maybe_fail()
        self.ended.append(call_id)

    async def end_inactive(self) -> int:
        self._maybe_fail()
        return 0

    def _maybe_fail(self) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault


class Stage:
    """One data folder, one server with the whole API and all pages. `url` is where it listens.

    `more` puts further things in after the seed of all; what it gives is kept as `extra`.
    """

    def __init__(
        self, folder: Path, start: datetime, more: Callable[["Stage"], Awaitable[Any]] | None = None
    ) -> None:
        self.clock = ManualClock(start)
        self.calls_process = CallsProcessTwin()
        self._more = more
        self.extra: Any = None
        self._folder = folder
        self._ready = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="stage")
        self.url = ""
        self.seeded = Seeded()
        self.routes: list[tuple[str, Endpoint]] = []
        """Every route of the API and the pages: its address and what was promised about it."""

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
            messages = build_message_services(ground, gateway)
            people = build_people(ground, registry())
            self.seeder = Seeder(ground, gateway, people, self.clock)
            self.seeded = await self.seeder.run()
            self.ground, self.gateway, self.quality = ground, gateway, quality
            self.messages, self.people = messages, people
            self.phones = build_phones(ground)
            if self._more is not None:
                self.extra = await self._more(self)
            providers = [DatabaseStatus(ground.database)]
            api = api_endpoints(ground, gateway, quality, messages, self.calls_process, self.phones)
            pages = build_pages(
                dashboard_parts(
                    ground,
                    gateway,
                    quality,
                    messages,
                    people=people,
                    client=self.calls_process,
                    phones=self.phones,
                    providers=providers,
                )
            )
            self.routes = [(API_PREFIX + endpoint.path, endpoint) for endpoint in api]
            self.routes += [(endpoint.path, endpoint) for endpoint in pages.endpoints]
            app = build_app(
                settings,
                endpoints=api,
                permissions=registry(),
                authenticator=people.sessions,
                providers=providers,
                registry=CollectorRegistry(),
                clock=self.clock,
                pages=pages,
            )
            async with serve(app, host="127.0.0.1", port=settings.web.port) as port:
                self.url = f"http://127.0.0.1:{port}"
                self._ready.set()
                await self._stop.wait()


def _settings(folder: Path) -> Settings:
    data = folder / "data"
    for name in ("keys", "blobs", "ledger"):
        (data / name).mkdir(parents=True, exist_ok=True)
    settings = Settings(data_dir=data, institution="云山贷款公司", web=WebSettings(port=free_port()))
    Keyring.generate().save(settings.keyring_path)
    engine = create_engine(f"sqlite:///{data / 'maskline.db'}")
    load_metadata().metadata.create_all(engine)
    engine.dispose()
    return settings
