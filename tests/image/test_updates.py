"""The updates that image/test gives to a box: what the box's own checks say of each, without it."""

import sys
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.host import bundle
from gateway.host.bundle import Manifest, Present

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from image.proof import report, updates  # noqa: E402

HERE = Present(release="0.1.0-0123456789ab", model=bundle.model_of("aarch64", 13))
PACKAGE = "lib/python3.13/site-packages/gateway"
CODEC = f"{PACKAGE}/paging/drivers/tap_codec.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> updates.Bundles:
    """All three, of a release that has what they change."""
    work = tmp_path_factory.mktemp("work")
    (work / "update.pem").write_text(updates.make_key(work), encoding="ascii")
    release = work / "card" / HERE.release
    for path, text in (
        ("complete", ""),
        ("bin/achivx-gateway", f"#!/opt/achivx-gateway/releases/{HERE.release}/bin/python3 -I\n"),
        (f"{PACKAGE}/__init__.py", '__version__ = "0.1.0"\n'),
        (CODEC, (ROOT / "gateway/paging/drivers/tap_codec.py").read_text("utf-8")),
    ):
        place = release / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return updates.make(release, "aarch64", work)


def taken(path: Path, made: updates.Bundles, work: Path) -> tuple[Manifest, Path]:
    """What the box's host does with a bundle."""
    key = made.good.path.parent / "update.pem"
    manifest = bundle.verified(path, key, work / "seal")
    bundle.suits(manifest, HERE, allow_older=False)
    payload = work / "payload"
    bundle.extract_payload(path, manifest, payload)
    bundle.unpack(payload, manifest, work / manifest.release)
    return manifest, work / manifest.release


def test_a_good_one_is_a_later_version_under_its_own_name(
    made: updates.Bundles, tmp_path: Path
) -> None:
    manifest, release = taken(made.good.path, made, tmp_path)
    assert (manifest.version, manifest.release) == ("0.1.1", made.good.release)
    assert made.good.version == "0.1.1"
    assert '"0.1.1"' in (release / PACKAGE / "__init__.py").read_text("utf-8")
    assert f"/{made.good.release}/" in (release / "bin/achivx-gateway").read_text("utf-8")


def test_one_that_was_tampered_with_is_refused(made: updates.Bundles, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="damaged or was changed"):
        taken(made.tampered.path, made, tmp_path)


def test_the_mute_one_is_signed_and_its_checksums_are_wrong(
    made: updates.Bundles, tmp_path: Path
) -> None:
    manifest, release = taken(made.mute.path, made, tmp_path)
    assert manifest.version == "0.1.2"
    shipped = (ROOT / "gateway/paging/drivers/tap_codec.py").read_text("utf-8").splitlines()
    changed = (release / CODEC).read_text("utf-8").splitlines()
    ((before, after),) = (x for x in zip(shipped, changed, strict=True) if x[0] != x[1])
    assert after == before.replace("0x30 + ", "0x31 + ")


def test_a_release_that_is_none_is_noticed(tmp_path: Path) -> None:
    updates.make_key(tmp_path)
    release = tmp_path / "card" / HERE.release
    (release / PACKAGE).mkdir(parents=True)
    (release / PACKAGE / "__init__.py").touch()
    with pytest.raises(report.Failed, match=r"__init__\.py of the release does not say"):
        updates.make(release, "aarch64", tmp_path)
