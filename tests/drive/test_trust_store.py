from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.cli.main import main
from probe.drive import trust_store
from probe.drive.trust_store import roots, trust_judge
from probe.errors import InputError
from tests.real.pki import authority

ONE, TWO = authority("One"), authority("Two")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What another test loaded is not there."""
    trust_store._kept.cache_clear()
    yield
    trust_store._kept.cache_clear()


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer on which OpenSSL knows no place, and the usual ones are in a folder of the test."""
    nowhere = ssl.DefaultVerifyPaths("", "", "SSL_CERT_FILE", str(tmp_path / "openssl.pem"), "SSL_CERT_DIR", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(trust_store, "_BUNDLES", (str(tmp_path / "absent.pem"), str(tmp_path / "usual.pem")))
    monkeypatch.setitem(sys.modules, "certifi", None)
    return tmp_path


def write(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    return str(file)


def test_a_file_takes_the_place_of_the_system(tmp_path: Path) -> None:
    file = write(tmp_path / "roots.pem", b"# ours\r\n" + ONE.pem + TWO.pem)
    found = roots(file)
    assert found is not None
    assert found.certificates == (ONE.certificate, TWO.certificate)
    assert (found.store, found.file) == (file, None)
    assert roots(file) is found
    assert trust_judge(file).chosen is True
    assert trust_judge(file).load() is found


def test_a_file_that_is_another_by_now_is_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "roots.pem", ONE.pem)
    first = roots(file)
    Path(write(tmp_path / "new.pem", TWO.pem)).replace(file)
    second = roots(file)
    assert first is not None
    assert second is not None
    assert (first.certificates, second.certificates) == ((ONE.certificate,), (TWO.certificate,))
    (tmp_path / "roots.pem").unlink()
    with pytest.raises(InputError, match="cannot read the CA file"):
        roots(file)


BROKEN = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"


def test_what_is_broken_in_a_file_is_left_out(tmp_path: Path) -> None:
    content = BROKEN % b"AAAA" + BROKEN % b"A" + BROKEN % b"" + ONE.pem + ONE.key_pem + b"-----BEGIN CERTIFICATE-----"
    found = roots(write(tmp_path / "roots.pem", content))
    assert found is not None
    assert found.certificates == (ONE.certificate,)


def test_a_file_that_is_of_no_use_is_the_users_mistake(tmp_path: Path) -> None:
    for content in (b"", BROKEN % b"AAAA", ONE.der, ONE.key_pem):
        with pytest.raises(InputError, match=r"no certificate in the CA file: .*roots.pem") as raised:
            roots(write(tmp_path / "roots.pem", content))
        assert "PEM" in raised.value.hint
    with pytest.raises(InputError, match=r"cannot read the CA file .*absent.: No such file"):
        roots(str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"cannot read the CA file .*: Is a directory"):
        roots(str(tmp_path))
    with pytest.raises(InputError, match="cannot read the CA file"):
        roots("a\0b")


@pytest.mark.parametrize("command", ["host", "demo"])
def test_the_mistake_is_told_before_anything_is_asked(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = ["192.0.2.1"] if command == "host" else []
    assert main([command, "--ca-file", "/nonexistent/roots.pem", *target]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: cannot read the CA file '/nonexistent/roots.pem': No such file or directory\n")


def test_the_system_comes_first(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = write(bundles / "usual.pem", ONE.pem)
    found = roots(None)
    assert found is not None
    assert (found.certificates, found.store, found.file) == ((ONE.certificate,), "system", usual)
    trust_store._kept.cache_clear()
    first = write(bundles / "openssl.pem", TWO.pem)
    found = roots(None)
    assert found is not None
    assert (found.store, found.file) == ("system", first)
    assert trust_judge(None).chosen is False


def test_a_bundle_without_certificates_is_passed_over(bundles: Path) -> None:
    write(bundles / "openssl.pem", b"# nothing yet")
    usual = write(bundles / "usual.pem", ONE.pem)
    found = roots(None)
    assert found is not None
    assert found.file == usual


def test_certifi_is_asked_where_the_system_has_nothing(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert roots(None) is None  # not even certifi is installed
    trust_store._kept.cache_clear()
    monkeypatch.setitem(sys.modules, "certifi", _Certifi(write(bundles / "cacert.pem", ONE.pem)))
    found = roots(None)
    assert found is not None
    assert (found.store, found.file) == ("certifi", str(bundles / "cacert.pem"))


class _Certifi:
    def __init__(self, file: str) -> None:
        self._file = file

    def where(self) -> str:
        return self._file


def test_this_computer_has_roots() -> None:
    found = roots(None)
    assert found is not None
    assert len(found.certificates) > 50
    assert found.store in ("system", "certifi")


def test_the_library_is_not_loaded_before_a_chain_needs_it() -> None:
    code = (
        "import sys; from probe.drive.trust_store import trust_judge; from datetime import datetime, UTC; "
        "judge = trust_judge(None); print(judge.judge([], datetime.now(UTC), self_signed=True).verdict); "
        "sys.exit('cryptography' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "self_signed\n")


def test_a_file_of_beginnings_is_read_in_one_pass(tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\n" * 100_000)
    with pytest.raises(InputError, match="no certificate"):
        roots(str(file))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no certificate"):
        roots(str(tmp_path / "pipe"))


def test_a_file_that_is_too_large_is_said_to_be(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.touch()
    os.truncate(file, 65 * 2**20)
    with pytest.raises(InputError, match="more than 64 MiB"):
        roots(str(file))
