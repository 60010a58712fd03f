"""The TLS certificate of a backend for other machines, its key, and the TLS settings. Made once and kept in the home.

The certificate is self-signed: the docker learns its SHA-256 from the pairing code and then accepts no other
(docs/wire.md, "Another machine"). Its names and dates aren't checked.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import ssl
from pathlib import Path

from colorizer import paths
from colorizer.errors import ColorizerError

HOST_NAME = "colorize.invalid"
"""The `Host` of all requests: a name that no web page can have, because such a domain can't exist (RFC 2606)."""

_YEARS = 20


class MissingCryptography(ColorizerError):
    """The library that makes certificates isn't installed."""

    code = "missing_library"


def folder() -> Path:
    """The folder of the certificate, its key and the paired devices; only this user can read it."""
    return paths.home() / "remote"


def context() -> ssl.SSLContext:
    """The settings for TLS 1.2 or later with this machine's certificate, which is made if it doesn't exist."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    found.num_tickets = 0  # no session resumption: every connection presents the certificate
    found.load_cert_chain(*_files())
    return found


def fingerprint() -> bytes:
    """SHA-256 of the certificate, 32 bytes."""
    pem = _files()[0].read_text(encoding="ascii")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()


def write_private(path: Path, data: bytes) -> None:
    """Atomically writes a file that only this user can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    os.replace(new, path)


def _files() -> tuple[Path, Path]:
    certificate, key = folder() / "certificate.pem", folder() / "key.pem"
    if not (certificate.exists() and key.exists()):
        made, secret = _make()
        write_private(key, secret)
        write_private(certificate, made)
    return certificate, key


def _make() -> tuple[bytes, bytes]:
    """A self-signed certificate and its P-256 key, both PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError as error:
        raise MissingCryptography(
            "A backend for other machines needs the library cryptography. Install it with"
            ' `pip install "krita-colorize[remote]"`.'
        ) from error
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST_NAME)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)  # so that a wrong clock doesn't matter
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST_NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
