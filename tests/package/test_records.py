"""The wheels' lists of their files agree with what the package contains."""

from pathlib import Path

from systemd.package.records import correct_records

EMPTY = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def test_lists_agree_with_the_files(tmp_path: Path) -> None:
    info = tmp_path / "one-1.dist-info"
    info.mkdir()
    (tmp_path / "a,b.py").touch()
    record = info / "RECORD"
    record.write_text(
        "bin/one,sha256=of-another-python,323\n"
        '"a,b.py",sha256=before-it-was-stripped,2\n'
        "one-1.dist-info/RECORD,,\n"
    )
    correct_records(tmp_path)
    assert record.read_text() == f'"a,b.py",{EMPTY},0\none-1.dist-info/RECORD,,\n'
