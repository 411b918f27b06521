"""Hints from the free text that scanners' users write, in the languages they write it in.

SeriesDescription and ProtocolName say what a protocol is called, not what was measured: they are
asked only where the physics tags are absent or silent.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from .dialects import Component

# Hints are matched in text that is lower case, without accents, its separators turned to spaces.


def _bare(text: str) -> str:
    """Letters without their accents, also where another alphabet has them (й → и)."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _word(*terms: str) -> str:
    """The term not inside a longer word; a digit may stand before it ('t2fs')."""
    return r"(?<![^\W\d_])(?:" + "|".join(terms) + r")(?![^\W_])"


def _alone(*terms: str) -> str:
    """The term with nothing attached ('dixon w', not 't2w')."""
    return r"(?<![^\W_])(?:" + "|".join(terms) + r")(?![^\W_])"


_FAT = r"(?:fat|fett|graisse|grasa|grassa|grasso|gordura|vet|yag)"
_SUPPRESS = r"(?:sat|supp|supr|sopp|unterdr|ges(?![^\W_])|onderdr|baski|null|free)"

_HINTS: dict[str, str] = {
    "localizer": r"locali[sz]|lokali[sz]|scout|survey|topogram|plan ?scan|smart ?(?:spine|brain)"
    r"|reperage|calibration|asset cal|(?:coil|sense) ?ref|локализ|локалайз|定位|校正|"
    + _alone("loc", "3 ?plane?", "3 ?pl", "three ?plane", "tri ?plan", "ubersicht"),
    "stir": r"stir(?!n)|tirm|short ?tau",
    "flair": r"flair|dark ?fluid",
    "t2_star": r"t2 ?\*|t2 ?star|" + _word("t2 ?gre", "t2 ?ffe", "medic", "merge", "hemo", "swi"),
    "t2": r"t2(?!\d)(?! ?\*| ?star)",
    "t1": r"t1(?!\d)",
    "pd": _word("pdw?", "dp", r"proton ?dens\w*", "densite protonique"),
    "fat_suppressed": _word("fs", "sfs", "fsat", "spir", "chess", "we", "wats")
    + rf"|fst[12]|spair|aspir|water ?ex|proset|{_FAT}[ .]*{_SUPPRESS}"
    + rf"|{_SUPPRESS}\w*[ .]*(?:d\w+ )?(?:la )?{_FAT}"
    + r"|жир\w* ?(?:подав|насыщ)|(?:подав|насыщ)\w* жир|жироподав|压脂|抑脂|脂肪抑|脂抑",
    "not_fat_suppressed": r"(?:no|non|without|ohne|sans|sin|w o|kein\w*) ?"
    rf"(?:fs|{_FAT}[ .]*{_SUPPRESS})",
    "water_excitation": r"water ?ex",
    "water": _alone("water ?(?:only)?", "wasser"),
    "dixon": r"dixon|" + _word("ideal", "flex", "wfs", "wfop"),
    "diffusion": r"diffus|ep2d|" + _word("dwi", "dti", "adc", "trace ?w?", "resolve"),
    "projection": r"reformat|myelo|" + _word("mip", "mpr", "minip"),
    "angiography": r"angio|" + _word("mra", "tof", "tricks", "twist"),
    "contrast": r"gadol|contrast|kontrast|" + _alone("gd", "km", "iv", "mdc"),
    "no_contrast": r"(?:no|non|without|ohne|sans|sin|pre|vor|avant|w o) ?(?:iv )?"
    r"(?:gd|km|contrast|kontrast)|nativ",
    "below_neck": r"lumb|lomba|thora|torac|dorsal|sacr|поясн|крест|груд|腰|胸椎|whole ?spine|"
    + _word("[lt] ?spine", "lws", "bws", "gws", "ls", "tl", "ctl", "lwk", "bwk"),
    "neck": r"cervic|halsw|шейн|頸椎|颈椎|" + _word("hws", "c ?spine", "neck"),
    "spine": r"spine|spinal|columna|coluna|colonna|rachis|wirbel|vertebr|позвон|脊|" + _word("ws"),
    "elsewhere": r"brain|skull|cranio|crane|kopf|schadel|cerebr|encefal|pituit|hypoph|orbit"
    r"|knee|genou|rodilla|ginocchio|shoulder|schulter|epaule|elbow|ellenb|wrist|ankle|femur|foot"
    r"|prostat|liver|leber|heart|cardiac|breast|mamma|голов|колен|мозг|脳|脑|头|膝|"
    + _word("head", "knie", "hips?", "hufte", "hand", "fuss", "uterus", "tmj", "iac", "kidney"),
    "sagittal": r"sagit|сагит|矢状|" + _word("sag", "sg"),
    "axial": r"axial|transv|аксиал|横断|" + _word("ax", "tra", "trans"),
    "coronal": r"coron|frontal|корон|冠状|" + _word("cor"),
}
_COMPILED = {name: re.compile(_bare(pattern)) for name, pattern in _HINTS.items()}

# In this order: "post op" and "in" are words too, so the short phase names come last.
_PHASED = r"(?:phase|phasig|fase)"
_COMPONENTS: tuple[tuple[Component, re.Pattern[str]], ...] = (
    ("opposed_phase", re.compile(rf"opp?o?s?\w* ?{_PHASED}|out(?: of)? ?{_PHASED}")),
    ("in_phase", re.compile(rf"(?<![^\W_])in ?{_PHASED}")),
    (
        "water",
        re.compile(r"вод|水|" + _alone("water ?(?:only)?", "wasser", "w", "eau", "agua", "acqua")),
    ),
    (
        "fat",
        re.compile(
            r"жир|脂|" + _alone("fat ?(?:only)?", "fett", "f", "graisse", "grasa", "grasso")
        ),
    ),
    ("opposed_phase", re.compile(_alone("opp", "op", "out"))),
    ("in_phase", re.compile(_alone("ip", "in"))),
)


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Lower case, without accents, every separator a space ('T2_TSE-FS' → 't2 tse fs')."""
    text = text.replace("ß", "ss").replace("ł", "l").replace("ı", "i")
    return " ".join(re.sub(r"[^\w*.]+|_", " ", _bare(text.casefold())).split())


def says(text: str, *hints: str) -> bool:
    """Whether the text contains any of the named hints."""
    words = plain(text)
    return any(_COMPILED[hint].search(words) for hint in hints)


def says_fat_suppressed(text: str) -> bool:
    """Fat suppression by any method, unless the text says that there is none."""
    return says(text, "fat_suppressed") and not says(text, "not_fat_suppressed")


def says_contrast_given(text: str) -> bool:
    """Contrast medium, unless the text says before or without it."""
    return says(text, "contrast") and not says(text, "no_contrast")


def dixon_component(text: str) -> Component:
    """Which Dixon image a description names; 'unstated' where it names none or isn't Dixon."""
    water = says(text, "water") and not says(text, "water_excitation")
    if not water and not says(text, "dixon"):
        return "unstated"
    words = re.sub(rf"{_FAT}[ .]*{_SUPPRESS}\w*", " ", plain(text))
    for component, pattern in _COMPONENTS:
        if pattern.search(words):
            return component
    return "unstated"


def region(series_words: str, study_words: str, body_part: str) -> int:
    """How likely the thoracolumbar spine is shown: 0 likely or not said, 1 neck, 2 elsewhere.

    The series' own words come first, BodyPartExamined last: it is often copied from the exam
    before.
    """
    for text in (series_words, study_words, body_part):
        if says(text, "below_neck"):
            return 0
        if says(text, "neck"):
            return 1
        if says(text, "spine"):
            return 0
        if says(text, "elsewhere"):
            return 2
    return 0
