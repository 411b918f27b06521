"""Roles from the dialects of the vendors, and from words where the physics is missing."""

from __future__ import annotations

import pytest

from fasciaseg.dicom import words
from fasciaseg.dicom.dialects import component_of
from fasciaseg.dicom.instance import Physics
from fasciaseg.dicom.sequence import fat_null_range_ms, role_of


def physics(
    seq: str = "",
    te: float | None = None,
    tr: float | None = None,
    ti: float | None = None,
    *,
    tesla: float | None = 1.5,
    options: str = "",
    image: str = "ORIGINAL\\PRIMARY\\M\\NORM",
    name: str = "",
    vendor: str = "SIEMENS",
    is_3d: bool = False,
    b: float | None = None,
    ge: int | None = None,
) -> Physics:
    def split(text: str) -> tuple[str, ...]:
        return tuple(t for t in text.split("\\") if t)

    return Physics(
        echo_time_ms=te,
        repetition_time_ms=tr,
        inversion_time_ms=ti,
        field_tesla=tesla,
        scanning_sequence=split(seq),
        scan_options=split(options),
        sequence_name=name,
        image_type=split(image),
        component=component_of(split(image), ge),
        is_3d=is_3d,
        b_value=b,
        vendor=vendor,
    )


GE = "GE MEDICAL SYSTEMS"
PHILIPS = "PHILIPS MEDICAL SYSTEMS"
W = "ORIGINAL\\PRIMARY\\M\\WATER"

DIALECTS = {
    # inversion recovery
    "Siemens TIRM": (physics("SE\\IR", 40, 4000, 160, options="IR\\PFP"), "t2_tirm_sag", "STIR"),
    "Siemens TIRM 3 T": (physics("SE\\IR", 41, 4200, 220, tesla=3), "t2_tirm_sag", "STIR"),
    "GE STIR": (
        physics("SE\\IR", 68, 3800, 150, options="FAST_GEMS\\NPW\\TRF_GEMS", vendor=GE),
        "Sag STIR",
        "STIR",
    ),
    "Philips STIR": (
        physics("IR", 60, 3000, 165, image="ORIGINAL\\PRIMARY\\M_IR\\M\\IR", vendor=PHILIPS),
        "STIR_longTE",
        "STIR",
    ),
    "Toshiba STIR": (physics("SE\\IR", 80, 4300, 190, vendor="TOSHIBA_MEC"), "SG FSTIR", "STIR"),
    "low field": (physics("IR", 30, 2500, 85, tesla=0.3, vendor="ESAOTE"), "STIR", "STIR"),
    "inversion without its tag": (physics("SE", 60, 4000, 160, vendor="HITACHI"), "sag", "STIR"),
    "inversion without its time": (physics("SE\\IR", 60, 4000), "sag", "STIR"),
    "anonymised, time left": (physics("", 60, 4000, 160), "", "STIR"),
    "anonymised, pulse name left": (physics("", 60, 4000, name="*TIR2D1_17"), "", "STIR"),
    "called T2, is STIR": (physics("SE\\IR", 60, 4000, 160), "T2 TSE SAG", "STIR"),
    "called STIR, is FLAIR": (physics("SE\\IR", 120, 9000, 2500), "STIR sag", "FLAIR"),
    "called STIR, is T2": (physics("SE", 100, 4000), "STIR sag", "T2"),
    "T1-FLAIR": (
        physics("SE\\IR", 12, 2200, 860, options="T1FLAIR_GEMS", vendor=GE),
        "Sag T1 FLAIR",
        "T1",
    ),
    "odd inversion": (
        physics("SE\\IR", 60, 4000, 450),
        "",
        "inversion recovery that nulls no fat",
    ),
    # fat suppression
    "Siemens FS": (physics("SE", 80, 3500, options="FS"), "t2_tse_fs", "T2_FS"),
    "Siemens SPAIR": (physics("SE", 80, 3500, options="PFP\\SFS"), "t2_tse_spair", "T2_FS"),
    "Siemens, short echo": (physics("SE", 50, 3500, options="FS"), "", "T2_FS"),
    "Philips SPAIR with its time": (
        physics("SE", 70, 3000, 110, options="FS", image="ORIGINAL\\PRIMARY\\M_SE\\M\\SE",
                vendor=PHILIPS),
        "T2W_SPAIR",
        "T2_FS",
    ),
    "GE chemical": (
        physics("SE", 85, 3000, options="FAST_GEMS\\FS\\FSA_GEMS", vendor=GE), "", "T2_FS"
    ),
    "GE direction isn't fat": (
        physics("SE", 85, 3000, options="FAST_GEMS\\SAT_GEMS\\FSA_GEMS\\FSS_GEMS", vendor=GE),
        "",
        "T2",
    ),
    "water excitation": (physics("SE", 80, 2000, options="WE"), "", "T2_FS"),
    "Siemens lists what it does": (physics("SE", 80, 3500, options="PFP"), "t2_fs", "T2"),
    "others may not": (
        physics("SE", 80, 3500, options="PFP", vendor="CANON_MEC"), "T2 FatSat", "T2_FS"
    ),
    "SPACE fat-suppressed": (
        physics("SE", 130, 1500, options="FS", is_3d=True, name="*SPCR3D1"), "", "T2_FS"
    ),
    # Dixon
    "Siemens water": (physics("SE", 90, 3800, image=W), "t2_tse_dixon_sag_W", "T2_DIXON_WATER"),
    "Siemens fat": (
        physics("SE", 90, 3800, image="ORIGINAL\\PRIMARY\\M\\FAT"), "", "Dixon fat image"
    ),
    "Siemens in phase": (
        physics("SE", 90, 3800, image="ORIGINAL\\PRIMARY\\M\\IN_PHASE"), "t2_tse_dixon_in", "T2"
    ),
    "Siemens opposed": (
        physics("SE", 90, 3800, image="DERIVED\\PRIMARY\\M\\DIXON\\OPP_PHASE"),
        "",
        "opposed-phase image",
    ),
    "Philips water": (
        physics("SE", 100, 2800, image="ORIGINAL\\PRIMARY\\W\\W\\DERIVED", vendor=PHILIPS),
        "T2W_mDIXON",
        "T2_DIXON_WATER",
    ),
    "Philips fat": (
        physics("SE", 100, 2800, image="ORIGINAL\\PRIMARY\\F\\F\\DERIVED", vendor=PHILIPS),
        "T2W_mDIXON",
        "Dixon fat image",
    ),
    "GE IDEAL": (
        physics(
            "SE", 85, 3000, image="DERIVED\\PRIMARY\\DIXON\\WATER", options="IDEAL_GEMS", vendor=GE
        ),
        "WATER: Sag T2 IDEAL",
        "T2_DIXON_WATER",
    ),
    "stripped image type": (physics("SE", 85, 3000, image=""), "t2_dixon_W", "T2_DIXON_WATER"),
    "W of T2W isn't water": (
        physics("SE", 85, 3000, image=""),
        "T2W dixon",
        "Dixon image that doesn't say whether it is water or fat",
    ),
    "T1 water": (physics("SE", 10, 600, image=W), "t1_dixon_w", "fat-suppressed T1"),
    "gradient-echo Dixon": (physics("GR", 2.4, 5, image=W), "t1_vibe_dixon", "gradient echo"),
    # plain
    "T2": (physics("SE", 100, 3500), "t2_tse_sag", "T2"),
    "T2 SPACE": (physics("SE", 563, 3200, is_3d=True, name="*SPC_314NS"), "", "T2"),
    "T2 CUBE": (physics("SE", 95, 1200, is_3d=True, vendor=GE), "Sag T2 CUBE", "T2"),
    "T2 VISTA": (physics("SE", 120, 1000, is_3d=True, vendor=PHILIPS), "VISTA", "T2"),
    "GRASE": (physics("GR\\SE", 90, 3000, vendor=PHILIPS), "", "T2"),
    "T1": (physics("SE", 10, 600), "t1_tse_sag", "T1"),
    "called T2, is T1": (physics("SE", 10, 600), "T2 sag", "T1"),
    "T1 fat-suppressed": (physics("SE", 10, 650, options="FS"), "", "fat-suppressed T1"),
    "PD": (physics("SE", 30, 3000), "pd_tse", "proton density"),
    "T2 at a short TR": (physics("SE", 90, 800), "", "unknown contrast"),
    # not read
    "MEDIC": (physics("GR", 20, 600), "t2_me2d", "gradient echo"),
    "MEDIC by its name": (physics("", 70, 1600, name="*ME2D1R3"), "", "gradient echo"),
    "diffusion": (physics("EP\\SE", 80, 4000, b=800), "", "diffusion"),
    "BOLD": (physics("EP", 30, 3000, options="FS"), "", "echo-planar image"),
    "ADC": (physics("SE", 80, 4000, image="DERIVED\\PRIMARY\\DIFFUSION\\ADC"), "", "diffusion"),
    "Siemens phase": (physics("SE", 90, 4000, image="ORIGINAL\\PRIMARY\\P\\ND"), "", "phase image"),
    "GE phase": (physics("SE", 90, 4000, image="ORIGINAL\\PRIMARY\\OTHER", ge=1, vendor=GE), "",
                 "phase image"),
    "Philips real": (physics("IR", 60, 4000, 160, image="ORIGINAL\\PRIMARY\\R_IR\\R\\IR"), "",
                     "real image"),
    "localizer": (physics("SE", 90, 3000, image="ORIGINAL\\PRIMARY\\LOCALIZER"), "", "localizer"),
    "HASTE survey": (physics("SE", 90, 3000), "t2_haste_sag_localizer", "localizer"),
    "MPR": (physics("SE", 90, 3000, image="DERIVED\\SECONDARY\\MPR\\CSA MPR\\\\CSAPARALLEL"), "",
            "reformatted or projected image"),
    "MIP": (physics("SE", 90, 3000, image="DERIVED\\PRIMARY\\PROJECTION IMAGE"), "",
            "reformatted or projected image"),
    "synthetic": (physics("SE", 90, 3000, image="DERIVED\\PRIMARY\\T2\\SYNTHETIC"), "",
                  "computed image"),
    # nothing but words
    "STIR in words": (physics(vendor=""), "STIR SAG LWS", "STIR"),
    "TIRM in words": (physics(vendor=""), "t2_tirm_sag_p2", "STIR"),
    "T2 in words": (physics(vendor=""), "sT2W_TSE sag", "T2"),
    "T1 in words": (physics(vendor=""), "T1 TSE sag", "T1"),
    "FS in words": (physics(vendor=""), "T2 sag fettges.", "T2_FS"),
    "no FS in words": (physics(vendor=""), "T2 sag ohne FS", "T2"),
    "water in words": (physics(vendor="", image=""), "T2 mDIXON TSE water", "T2_DIXON_WATER"),
    "T2* in words": (physics(vendor=""), "T2* sag", "gradient echo"),
    "PD in words": (physics(vendor=""), "PD TSE FS sag", "proton density"),
    "FLAIR in words": (physics(vendor=""), "T2 FLAIR sag", "FLAIR"),
    "no word": (physics(vendor=""), "", "unknown contrast"),
    "only TE": (physics("SE", 100), "", "T2"),
    "only TR": (physics("SE", None, 550), "", "T1"),
    "only a long TR": (physics("SE", None, 4000), "t2", "T2"),
}  # fmt: skip


@pytest.mark.parametrize("name", DIALECTS)
def test_role(name: str) -> None:
    given, text, expected = DIALECTS[name]
    role, reason = role_of(given, text)
    assert (role or reason) == expected
    assert (role is None) == bool(reason)


@pytest.mark.parametrize(
    ("tesla", "typical"), [(0.3, 85), (0.5, 100), (1.0, 140), (1.5, 150), (3.0, 210), (7.0, 300)]
)
def test_fat_null_follows_the_field(tesla: float, typical: float) -> None:
    low, high = fat_null_range_ms(tesla)
    assert low < typical < high


def test_fat_null_without_a_field() -> None:
    assert fat_null_range_ms(None) == fat_null_range_ms(15000.0)  # gauss


@pytest.mark.parametrize(
    "text",
    [
        "T2 FS", "t2_tse_fs_sag", "fsT2", "T2FS", "T2 FatSat", "T2 fat-sat", "T2 SPAIR", "spir T2",
        "T2 fettges.", "T2 Fettsättigung", "t2 fettunterdrückt", "T2 SAT GRAISSE",
        "T2 suppression de graisse", "T2 sat grasa", "T2 supresión grasa",
        "T2 supressão de gordura", "T2 soppressione del grasso", "T2 vetonderdrukking",
        "Т2 жироподавление", "T2 подавление жира", "T2 压脂", "T2 脂肪抑制", "T2 yağ baskılı",
        "T2 water exc", "t2_we", "ProSet T2",
    ],
)  # fmt: skip
def test_fat_suppression_in_many_languages(text: str) -> None:
    assert words.says_fat_suppressed(text)


@pytest.mark.parametrize(
    "text", ["T2 FSE", "T2 TSE sag", "FRFSE", "offset", "T2 no fs", "T2 non FatSat", "T2 w/o fs"]
)
def test_what_only_looks_like_fat_suppression(text: str) -> None:
    assert not words.says_fat_suppressed(text)


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("t2_tse_dixon_sag_W", "water"),
        ("t2_tse_dixon_sag_F", "fat"),
        ("t2_tse_dixon_sag_in", "in_phase"),
        ("t2_tse_dixon_sag_opp", "opposed_phase"),
        ("T2W mDIXON in-phase", "in_phase"),
        ("WATER: Sag T2 FRFSE IDEAL", "water"),
        ("FAT: Sag T2 Flex", "fat"),
        ("T2 Dixon Wasser post OP", "water"),
        ("T2 dixon eau", "water"),
        ("T2 Dixon água", "water"),
        ("T2W mDIXON", "unstated"),
        ("T2 water excitation", "unstated"),
        ("T2 fat sat", "unstated"),
    ],
)
def test_dixon_component_in_words(text: str, component: str) -> None:
    assert words.dixon_component(text) == component


@pytest.mark.parametrize(
    "text",
    ["localizer", "3-plane", "3 Plane Loc", "Survey", "AAHScout", "LOC SAG", "Lokalizer",
     "Localisateur", "repérage", "локалайзер", "定位像", "Calibration Scan", "plan scan"],
)  # fmt: skip
def test_localizers_in_words(text: str) -> None:
    assert words.says(text, "localizer")


def test_local_is_no_localizer() -> None:
    assert not words.says("T2 sag local FOV", "localizer")


@pytest.mark.parametrize(
    ("series", "study", "body_part", "rank"),
    [
        ("t2 sag", "MR LSPINE", "", 0),
        ("t2 sag", "", "BRAIN", 2),
        ("t2 sag LWS", "", "BRAIN", 0),
        ("t2 sag", "LWS nativ", "HEAD", 0),
        ("t2 sag", "HWS", "SPINE", 1),
        ("t2 sag", "", "CSPINE", 1),
        ("t2 sag", "MR Knie rechts", "SPINE", 2),
        ("t2 sag", "", "", 0),
        ("t2 sag", "", "TSPINE", 0),
        ("t2 sag", "Whole spine", "", 0),
        ("t2 sag CS", "", "LSPINE", 0),
    ],
)
def test_region(series: str, study: str, body_part: str, rank: int) -> None:
    assert words.region(series, study, body_part) == rank


@pytest.mark.parametrize(
    ("text", "given"),
    [("T1 sag KM", True), ("T1 post contrast", True), ("T1 ohne KM", False), ("T1 nativ", False),
     ("T1 +Gd", True), ("T1 pre contrast", False), ("T1 sag", False)],
)  # fmt: skip
def test_contrast_in_words(text: str, given: bool) -> None:
    assert words.says_contrast_given(text) is given
