"""The switch process: SIP, and nothing that it could betray."""

from core.config import Settings
from gateway.switch.run import run_switch


def main(settings: Settings) -> None:
    """Serve until SIGTERM."""
    run_switch(settings)
