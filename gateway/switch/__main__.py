"""`python -m gateway.switch`: the switch process alone."""

import sys

from core import config, logging
from core.errors import MasklineError
from gateway.switch.run import run_switch


def main() -> int:
    """Read the settings and serve. One clear line and code 2 when that is not possible."""
    try:
        settings = config.load()
        logging.configure("switch", level=settings.log_level)
        run_switch(settings)
    except MasklineError as error:
        sys.stderr.write(f"{error.message('zh')}\n{error.message('en')}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
