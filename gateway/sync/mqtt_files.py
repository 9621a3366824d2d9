"""What an MQTT connection takes from files: whom to trust, and who we are."""

import ssl
from pathlib import Path

from gateway.config import MqttUplink
from gateway.errors import CannotStart
from gateway.sync.tls import Tls, client_context, is_loopback


def tls_of(broker: MqttUplink) -> ssl.SSLContext | None:
    """How to secure the connection; None where the settings say that plaintext will do.

    Raises:
        CannotStart: A file cannot be used, or plaintext is not permitted to this host.
    """
    if broker.plaintext == "never":
        return client_context(
            Tls(broker.ca_file, broker.client_certificate_file, broker.client_key_file)
        )
    if broker.plaintext == "loopback" and not is_loopback(broker.host):
        raise CannotStart(
            f'uplink: plaintext = "loopback" is for a broker on this machine, not {broker.host}'
        )
    return None


def password_of(broker: MqttUplink) -> str | None:
    """The password, None where the settings name no file.

    Raises:
        CannotStart: The file cannot be read.
    """
    if broker.password_file is None:
        return None
    try:
        return Path(broker.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"uplink: cannot read the password file: {error}") from error
