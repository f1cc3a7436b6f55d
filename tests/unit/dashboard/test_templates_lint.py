"""djlint finds nothing in the templates."""

import subprocess
import sys

from dashboard.render import FOLDER

# H030/H031: words for search engines, not for pages behind a log-in. J018: Flask's url_for, we have none.
IGNORED = "H030,H031,J018"


def test_djlint_is_content() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "djlint",
            str(FOLDER / "templates"),
            "--profile=jinja",
            "--lint",
            f"--ignore={IGNORED}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
