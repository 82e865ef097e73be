"""GOST R 34.10-2012 and Streebog (256 bit): the OpenSSL engine where it is, else pure Python."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import gostcrypto
from asn1crypto import core, pem, x509

SIGNATURE_BYTES = 64
"""``s || r``, 32 bytes each, big-endian (docs/facts/esia.md 3.11)."""
TIMEOUT_SECONDS = 5
PUBLIC_KEY = "1.2.643.7.1.1.1.1"
DIGEST = "1.2.643.7.1.1.2.2"
SIGNATURE_WITH_DIGEST = "1.2.643.7.1.1.3.2"

_CURVES = {
    "1.2.643.7.1.2.1.1.1": "A",
    "1.2.643.7.1.2.1.1.2": "B",
    "1.2.643.7.1.2.1.1.3": "C",
    "1.2.643.7.1.2.1.1.4": "D",
    "1.2.643.2.2.35.1": "B",  # CryptoPro-A
    "1.2.643.2.2.35.2": "C",  # CryptoPro-B
    "1.2.643.2.2.35.3": "D",  # CryptoPro-C
    "1.2.643.2.2.36.0": "B",  # CryptoPro-XchA
    "1.2.643.2.2.36.1": "D",  # CryptoPro-XchB
}
"""Parameter sets of keys by OID, as the letter of ``id-tc26-gost-3410-2012-256-paramSet``."""

_CONFIGURATION = """\
openssl_conf = start
[start]
engines = engines
[engines]
gost = gost
[gost]
engine_id = gost
"""


class GostError(Exception):
    """A GOST calculation was not possible; trying again can help (a killed or slow OpenSSL)."""


class Gost:
    """The calculations in pure Python (``gostcrypto``): about 0.1 s a signature and not
    constant-time; nothing secret is checked."""

    name = "gostcrypto"
    """Its name, for the operator."""

    def verify(self, certificate: x509.Certificate, data: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` (``s || r``) over ``data`` fits the certificate's key.

        Raises ``GostError``.
        """
        if len(signature) != SIGNATURE_BYTES:
            return False
        curve = curve_of(certificate)
        if curve is None:
            return False
        point = _point_of(certificate)
        public_key = bytearray(point[:32][::-1] + point[32:][::-1])
        # The library wants r || s, and the digest as a big-endian number.
        turned = bytearray(signature[32:] + signature[:32])
        digest = bytearray(self.digest(data)[::-1])
        try:
            return bool(_signer(curve).verify(public_key, digest, turned))
        except (gostcrypto.gostsignature.GOSTSignatureError, ValueError, ZeroDivisionError):
            return False

    def digest(self, data: bytes) -> bytes:
        """Return Streebog-256 in the byte order of OpenSSL."""
        return bytes(gostcrypto.gosthash.new("streebog256", data=bytearray(data)).digest())


class OpensslGost(Gost):
    """The ``gost`` engine through the command line, about 7 ms a call; no shell, and no secrets
    among the arguments, which every account of the machine can read.

    Digests stay in Python: of a certificate or a signed text one takes less time than starting
    OpenSSL, and a slow OpenSSL then costs no system its certificate.
    """

    name = "openssl engine gost"

    def __init__(self, openssl: str) -> None:
        self._openssl = openssl

    def verify(self, certificate: x509.Certificate, data: bytes, signature: bytes) -> bool:
        if len(signature) != SIGNATURE_BYTES:
            return False
        der = certificate["tbs_certificate"]["subject_public_key_info"].dump()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "key.pem").write_bytes(pem.armor("PUBLIC KEY", der))
            (folder / "signature").write_bytes(signature)
            arguments = ["-verify", str(folder / "key.pem")]
            arguments += ["-signature", str(folder / "signature")]
            return self._run(folder, arguments, data).returncode == 0

    def counts_right(self) -> bool:
        """Tell whether the engine is there and makes right digests. Raises ``GostError``."""
        with tempfile.TemporaryDirectory() as name:
            done = self._run(Path(name), ["-binary"], b"")
        return done.returncode == 0 and done.stdout == self.digest(b"")

    def sign(self, key: Path, password: str, data: bytes) -> bytes:
        """Return ``s || r`` over ``data`` by the private key of a PEM file. Raises ``GostError``.

        OpenSSL reads the password of the key from a pipe.
        """
        reading, writing = os.pipe()
        try:
            os.write(writing, password.encode() + b"\n")  # a line, also for a key without one
            os.close(writing)
            with tempfile.TemporaryDirectory() as name:
                arguments = ["-sign", str(key), "-passin", f"fd:{reading}"]
                done = self._run(Path(name), arguments, data, pipe=reading)
        finally:
            os.close(reading)
        if done.returncode or len(done.stdout) != SIGNATURE_BYTES:
            raise GostError("the OpenSSL engine made no signature: is the key's password right?")
        return done.stdout

    def _run(
        self, folder: Path, arguments: list[str], data: bytes, pipe: int | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        configuration = folder / "openssl.cnf"
        configuration.write_text(_CONFIGURATION)
        kept = {
            name: os.environ[name] for name in ("PATH", "OPENSSL_ENGINES") if name in os.environ
        }
        try:
            return subprocess.run(
                [self._openssl, "dgst", "-engine", "gost", "-md_gost12_256", *arguments],
                input=data,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
                pass_fds=() if pipe is None else (pipe,),
                env={**kept, "OPENSSL_CONF": str(configuration)},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GostError("OpenSSL did not answer") from error


def find_gost() -> Gost:
    """Return the engine when an OpenSSL here has it and it calculates right, else pure Python."""
    if openssl := shutil.which("openssl"):
        engine = OpensslGost(openssl)
        with suppress(GostError):
            if engine.counts_right():
                return engine
    return Gost()


def curve_of(certificate: x509.Certificate) -> str | None:
    """Return the letter of the parameter set of a GOST certificate's key; None for other keys."""
    algorithm = _key_of(certificate)[0]
    if algorithm[0].dotted != PUBLIC_KEY or len(algorithm) < 2:
        return None
    return _CURVES.get(algorithm[1][0].dotted)


def _point_of(certificate: x509.Certificate) -> bytes:
    """Return x and y of the public key, each little-endian."""
    bits = _key_of(certificate)[1].contents
    return bytes(core.OctetString.load(bits[1:]).native)  # the first byte counts unused bits


def _key_of(certificate: x509.Certificate) -> core.Sequence:
    """Read the key without asn1crypto's own classes, which know no GOST."""
    return core.Sequence.load(certificate["tbs_certificate"]["subject_public_key_info"].dump())


def new_private_key() -> int:
    """Return a private key for ``sign``, on the curve with letter B (CryptoPro-A)."""
    return 1 + secrets.randbelow((1 << 255) - 1)


def public_key_point(private_key: int) -> bytes:
    """Return the public key as certificates hold it: x and y, each little-endian."""
    point = bytes(_signer("B").public_key_generate(bytearray(private_key.to_bytes(32, "big"))))
    return point[:32][::-1] + point[32:][::-1]


def sign(private_key: int, data: bytes) -> bytes:
    """Return ``s || r`` over ``data`` by a key of ``new_private_key``.

    Pure Python and not constant-time: for the keys of a stand-in and for nothing else.
    """
    digest = bytearray(Gost().digest(data)[::-1])
    key = bytearray(private_key.to_bytes(32, "big"))
    nonce = bytearray((1 + secrets.randbelow((1 << 255) - 1)).to_bytes(32, "big"))
    signed = bytes(_signer("B").sign(key, digest, nonce))
    return signed[32:] + signed[:32]


def _signer(curve: str) -> gostcrypto.gostsignature.GOST34102012:
    name = f"id-tc26-gost-3410-2012-256-paramSet{curve}"
    return gostcrypto.gostsignature.new(
        gostcrypto.gostsignature.MODE_256,
        gostcrypto.gostsignature.CURVES_R_1323565_1_024_2019[name],
    )
