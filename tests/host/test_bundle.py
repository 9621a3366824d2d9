"""Bundles that a box takes, and every kind that it does not."""

import io
import tarfile
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Refused
from gateway.host import bundle
from gateway.host.bundle import FileSum, Manifest, Present
from tests.host.conftest import MODEL, NEW, OLD, Keys, MakeBundle, make_keys, signing

PRESENT = Present(release=OLD, model=MODEL)


def taken(path: Path, keys: Keys, place: Path, *, allow_older: bool = False) -> Manifest:
    """Do with a bundle all that a box does before it unpacks it."""
    manifest = bundle.verified(path, keys.public, place / "seal")
    bundle.suits(manifest, PRESENT, allow_older=allow_older)
    bundle.extract_payload(path, manifest, place / "payload")
    return manifest


def refusal(path: Path, keys: Keys, place: Path) -> str:
    with pytest.raises(Refused) as caught:
        taken(path, keys, place)
    return caught.value.code


def with_member(path: Path, name: str, data: bytes) -> None:
    """Put something else in the place of a member."""
    with tarfile.open(path) as archive:
        members = []
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            members.append((member.name, data if member.name == name else file.read()))
    with tarfile.open(path, "w") as archive:
        for each, octets in members:
            info = tarfile.TarInfo(each)
            info.size = len(octets)
            archive.addfile(info, io.BytesIO(octets))


class TestWhole:
    def test_what_was_packed_comes_out(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys
    ) -> None:
        path = make_bundle()
        manifest = taken(path, keys, tmp_path)
        target = tmp_path / "target"
        bundle.unpack(tmp_path / "payload", manifest, target)
        built = tmp_path / "built" / NEW
        names = {str(each.relative_to(built)) for each in built.rglob("*")} - {"complete"}
        assert {str(each.relative_to(target)) for each in target.rglob("*")} == names
        command = target / "bin/achivx-gateway"
        assert command.stat().st_mode & 0o777 == 0o755
        told = (built / "bin/achivx-gateway").stat().st_mtime  # Python compares whole seconds
        assert int(command.stat().st_mtime) == int(told)
        assert str((target / "bin/python3").readlink()) == "/usr/bin/python3"

    def test_a_key_of_another_kind_signs_nothing(
        self, tmp_path: Path, make_bundle: MakeBundle
    ) -> None:
        with pytest.raises(signing.CannotSign, match="ed25519"):
            make_bundle(key=tmp_path / "none")


class TestTampered:
    def test_a_manifest_that_was_changed(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys
    ) -> None:
        path = make_bundle()
        with tarfile.open(path) as archive:
            file = archive.extractfile(bundle.MANIFEST)
            assert file is not None
            changed = file.read().replace(b"0.2.0", b"0.9.0")
        with_member(path, bundle.MANIFEST, changed)
        assert refusal(path, keys, tmp_path) == "not_signed"

    def test_a_release_that_was_changed(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys
    ) -> None:
        path = make_bundle()
        with_member(path, bundle.PAYLOAD, b"something else")
        assert refusal(path, keys, tmp_path) == "torn"

    def test_another_key(self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys) -> None:
        other = make_keys(tmp_path, "theirs")
        assert refusal(make_bundle(key=other.private), keys, tmp_path) == "not_signed"

    @pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\0" * 65])
    def test_no_signature(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys, signature: bytes
    ) -> None:
        path = make_bundle()
        with_member(path, bundle.SIGNATURE, signature)
        assert refusal(path, keys, tmp_path) in {"not_signed", "torn"}

    def test_a_box_without_a_key_takes_none(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys
    ) -> None:
        keys.public.unlink()
        assert refusal(make_bundle(), keys, tmp_path) == "no_key"

    def test_a_box_too_busy_to_look_says_so(
        self,
        tmp_path: Path,
        make_bundle: MakeBundle,
        keys: Keys,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(bundle, "OPENSSL_S", 0.0)
        assert refusal(make_bundle(), keys, tmp_path) == "host_failed"

    def test_a_file_that_is_no_bundle(self, tmp_path: Path, keys: Keys) -> None:
        path = tmp_path / "x.achivx"
        path.write_bytes(b"hello")
        assert refusal(path, keys, tmp_path) == "torn"

    @pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
    def test_a_header_without_an_end_is_not_read_into_memory(
        self, tmp_path: Path, keys: Keys, kind: bytes
    ) -> None:
        """Before the signature is looked at, whoever can upload could else take all of it."""
        info = tarfile.TarInfo("pax")
        info.type, info.size = kind, 100 << 20
        path = tmp_path / "x.achivx"
        with path.open("wb") as file:
            file.write(info.tobuf(tarfile.GNU_FORMAT))
            file.truncate(info.size)
        tracemalloc.start()
        try:
            assert refusal(path, keys, tmp_path) == "torn"
            assert tracemalloc.get_traced_memory()[1] < 10 << 20
        finally:
            tracemalloc.stop()

    def test_cut_off_anywhere(self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys) -> None:
        whole = make_bundle().read_bytes()
        with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
            end = archive.getmember(bundle.PAYLOAD)
        content = end.offset_data + end.size  # what follows is tar's own padding
        path = tmp_path / "torn.achivx"
        for length in {0, 1, 511, 512, 513, 1024, 1600, end.offset, content // 2, content - 1}:
            path.write_bytes(whole[:length])
            assert refusal(path, keys, tmp_path) == "torn", length

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def test_a_flipped_bit_is_never_taken_as_another_release(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys, data: st.DataObject
    ) -> None:
        whole = bytearray(make_bundle().read_bytes())
        honest = taken(make_bundle(), keys, tmp_path)
        sealed = (tmp_path / "payload").read_bytes()
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
        path = tmp_path / "flipped.achivx"
        path.write_bytes(whole)
        try:
            found = taken(path, keys, tmp_path)
        except Refused:
            return
        assert (found, (tmp_path / "payload").read_bytes()) == (honest, sealed)


class TestSuits:
    @pytest.mark.parametrize(
        ("release", "code"),
        [("0.0.9-bbbbbbbbbbbb", "older"), (OLD, "same_release")],
    )
    def test_not_older_and_not_the_same(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys, release: str, code: str
    ) -> None:
        assert refusal(make_bundle(release=release), keys, tmp_path) == code

    def test_an_older_one_when_asked_for(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys
    ) -> None:
        path = make_bundle(release="0.0.9-bbbbbbbbbbbb")
        assert taken(path, keys, tmp_path, allow_older=True).version == "0.0.9"

    def test_versions_are_numbers(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys
    ) -> None:
        assert taken(make_bundle(release="0.10.0-bbbbbbbbbbbb"), keys, tmp_path).version == "0.10.0"

    def test_another_model(self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys) -> None:
        path = make_bundle(model=bundle.model_of("riscv64", 11))
        assert refusal(path, keys, tmp_path) == "other_model"

    def test_one_that_needs_a_newer_box(
        self, tmp_path: Path, make_bundle: MakeBundle, keys: Keys
    ) -> None:
        path = make_bundle(needs="0.1.5")
        with pytest.raises(Refused, match=r"update to 0\.1\.5 first"):
            taken(path, keys, tmp_path)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"format": 2}, "not_an_update"),
            ({"version": "0.3.0"}, "not_an_update"),
            ({"version": "1.0"}, "not_an_update"),
            ({"release": "0.2.0-../../../../etc"}, "not_an_update"),
            ({"files": {}}, "not_an_update"),
            ({"unpacked": bundle.UNPACKED_BYTES + 1}, "too_big"),
        ],
    )
    def test_a_manifest_that_makes_no_sense(self, change: dict[str, object], code: str) -> None:
        good = Manifest(
            format=1,
            version="0.2.0",
            release=NEW,
            model=MODEL,
            needs="0.1.0",
            unpacked=1,
            files={bundle.PAYLOAD: FileSum(size=1, sha256="00")},
        )
        bundle.suits(good, PRESENT, allow_older=False)
        with pytest.raises(Refused) as caught:
            bundle.suits(msgspec.structs.replace(good, **change), PRESENT, allow_older=False)
        assert caught.value.code == code


class TestUnpack:
    @pytest.mark.parametrize(
        "member",
        [
            tarfile.TarInfo("../outside"),
            tarfile.TarInfo("/outside"),
            tarfile.TarInfo("a/../../outside"),
        ],
    )
    def test_nothing_leads_out(self, tmp_path: Path, member: tarfile.TarInfo) -> None:
        assert "leads out" in self.refused(tmp_path, member)

    @pytest.mark.parametrize("inside", [tarfile.TarInfo("a/x"), tarfile.TarInfo("a/b/c")])
    def test_not_by_a_link_of_its_own_either(self, tmp_path: Path, inside: tarfile.TarInfo) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        assert "leads out" in self.refused(tmp_path, link, inside)
        assert list(outside.iterdir()) == []

    @pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
    def test_no_devices_and_no_hard_links(self, tmp_path: Path, kind: bytes) -> None:
        member = tarfile.TarInfo("x")
        member.type, member.linkname = kind, "/etc/shadow"
        assert "should not" in self.refused(tmp_path, member)

    def test_no_more_than_was_said(self, tmp_path: Path) -> None:
        member = tarfile.TarInfo("x")
        member.size = 11
        assert "should not" in self.refused(tmp_path, member)

    def refused(self, tmp_path: Path, *members: tarfile.TarInfo) -> str:
        payload = tmp_path / "payload"
        with tarfile.open(payload, "w:xz") as archive:
            for member in members:
                archive.addfile(member, io.BytesIO(b"x" * member.size))
        manifest = Manifest(
            format=1, version="0.2.0", release=NEW, model="", needs="", unpacked=10, files={}
        )
        with pytest.raises(Refused) as caught:
            bundle.unpack(payload, manifest, tmp_path / "target")
        return str(caught.value)
