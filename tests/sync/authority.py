"""Certificates that are good for a day."""

import subprocess
from pathlib import Path


def openssl(*arguments: str | Path) -> None:
    command = ["openssl", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


class Authority:
    """Signs certificates that are good for a day."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        self._place = place
        self.ca = place / "ca.pem"
        self._key = place / "ca.key"
        # Python 3.13 takes no authority's certificate without it (RFC 5280, 4.2.1.3).
        use = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl(*self._new("ca", self._key, self.ca), *use)

    def sign(self, name: str) -> tuple[Path, Path]:
        """A certificate for this name and for 127.0.0.1, and its key."""
        certificate, key = self._place / f"{name}.pem", self._place / f"{name}.key"
        openssl(
            *self._new(name, key, certificate),
            *("-CA", self.ca, "-CAkey", self._key, "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
        )
        return certificate, key

    def _new(self, name: str, key: Path, out: Path) -> tuple[str | Path, ...]:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        made = ("-days", "1", "-subj", f"/CN={name}", "-keyout", key, "-out", out)
        return ("req", "-x509", *curve, *made)
