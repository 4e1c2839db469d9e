"""An authority of our own, and the certificates that it gives: good ones and each kind of bad one."""

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

# Far apart, so that neither the true time nor one that a test sets matters.
BEGIN, PAST, END = (datetime(year, 1, 1, tzinfo=UTC) for year in (2000, 2001, 2100))


class Authority:
    """Issues certificates; `path` is the file by which a client trusts it."""

    def __init__(self, folder: Path, name: str = "Tests") -> None:
        self._folder = folder
        self._name = _named(f"{name} authority")
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.path = folder / f"{name}.authority.pem"
        own = self._builder(self._name, self._key.public_key(), END)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.path.write_bytes(_pem(own.sign(self._key, hashes.SHA256())))

    def certificate(self, address: str = "127.0.0.1", *, until: datetime = END) -> Path:
        """Return a file with a new private key and its certificate for an IP address or a name."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(address), key.public_key(), until)
        return self._write(key, builder.add_extension(_addresses(address), critical=False))

    def own(self, address: str = "127.0.0.1") -> Path:
        """Return a file with the authority's own key, for which only it vouches."""
        builder = self._builder(self._name, self._key.public_key(), END)
        return self._write(self._key, builder.add_extension(_addresses(address), critical=False))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number(), BEGIN, until)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        subject_id = x509.SubjectKeyIdentifier.from_public_key(key)
        return builder.add_extension(issuer, critical=False).add_extension(subject_id, critical=False)

    def _write(self, key: ec.EllipticCurvePrivateKey, builder: x509.CertificateBuilder) -> Path:
        certificate = builder.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._folder / f"{certificate.serial_number}.pem"
        path.write_bytes(private + _pem(certificate))
        return path


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _addresses(address: str) -> x509.SubjectAlternativeName:
    try:
        return x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    except ValueError:
        return x509.SubjectAlternativeName([x509.DNSName(address)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
