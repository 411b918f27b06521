"""A large export from small studies: the same files under new identities.

    python tests/benchmarks/make_export.py OUT [--exams 1000] [--from sample_dicoms]

UIDs are replaced byte for byte by others of the same length, which is as fast as copying. Every
study, series and instance of every copy has UIDs of its own; each copy is another patient's.
Compressed pixels and everything else stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from pathlib import Path

from pydicom import dcmread

REPO = Path(__file__).resolve().parents[2]
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


def studies_in(folder: Path) -> list[list[tuple[str, bytes, list[bytes], bytes]]]:
    """The studies' files: path, content, UIDs and PatientID, one list a study."""
    studies: dict[str, list[tuple[str, bytes, list[bytes], bytes]]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if content[128:132] != b"DICM":
            continue
        header = dcmread(path, stop_before_pixels=True, specific_tags=[*_UIDS, "PatientID"])
        uids = [str(header[name].value).encode() for name in _UIDS if name in header]
        place = path.relative_to(folder).as_posix()
        # A series that refers to another one of the study finds it: every UID maps by itself.
        studies.setdefault(str(header.StudyInstanceUID), []).append(
            (place, content, uids, str(header.get("PatientID", "")).encode())
        )
    return list(studies.values())


def renamed(uid: bytes, copy: int) -> bytes:
    """Another UID of the same length."""
    digits = str(int(hashlib.sha256(uid + str(copy).encode()).hexdigest(), 16)).encode()
    return b"2.25." + digits[: len(uid) - 5] if len(uid) > 12 else uid


def make_export(out: Path, n_exams: int, source: Path) -> int:
    """Write the export; returns its number of files."""
    studies = studies_in(source)
    n_files = 0
    for copy in range(n_exams):
        files = studies[copy % len(studies)]
        uids = sorted({uid for _, _, own, _ in files for uid in own}, key=len, reverse=True)
        pattern = re.compile(b"|".join(map(re.escape, uids)))
        new = {uid: renamed(uid, copy) for uid in uids}
        for place, content, _, patient in files:
            # Pixels are left alone: a UID among them would be a strange accident.
            at = max(content.rfind(b"\xe0\x7f\x10\x00"), 0) or len(content)
            head = pattern.sub(lambda m: new[m[0]], content[:at])  # noqa: B023
            if patient:
                head = head.replace(patient, f"{copy:0{len(patient)}d}".encode()[: len(patient)])
            path = out / f"{copy // 100:03}" / f"{copy:05}" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(head + content[at:])
            n_files += 1
    return n_files


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--exams", type=int, default=1000)
    parser.add_argument("--from", dest="source", type=Path, default=REPO / "sample_dicoms")
    options = parser.parse_args()
    n_files = make_export(options.out, options.exams, options.source)
    print(f"{options.exams} exams, {n_files} files in {options.out}")


if __name__ == "__main__":
    main()
