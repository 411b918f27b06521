"""Every flag there is: what it means and what to do about it.

The pipeline raises flags through `flag`, the pictures show them in a few words, and the table
in `docs/flags.md` is `markdown_table()`; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

from .result import Flag


@dataclass(frozen=True)
class FlagText:
    """What one flag says.

    Attributes:
        short: a few words, for pictures.
        meaning: one sentence: what was seen.
        action: one sentence: what the reader can do.
        withholds_answer: True where this flag can be the reason that the classification is null.
    """

    short: str
    meaning: str
    action: str
    withholds_answer: bool = False


#: Every flag by its code, in the order of the reading.
FLAGS: dict[str, FlagText] = {
    "files_damaged": FlagText(
        "damaged files left out",
        "There are damaged files in this exam or beside it that belong to no series that could "
        "be read; a better series for fascia edema may be among them.",
        "Export the exam again and read it anew.",
    ),
    "plain_t2_only": FlagText(
        "plain T2 only, no fat suppression",
        "No fat-suppressed series was found; on plain T2, fat is as bright as edema.",
        "Classify by a STIR, fat-suppressed T2 or Dixon water series if the exam has one.",
        withholds_answer=True,
    ),
    "t2_with_t1": FlagText(
        "T2 read with T1",
        "No fat-suppressed series was found; on plain T2, fat was told from fluid by a T1 of the "
        "same exam.",
        "Look at the T1 beside every marked area: fluid is dark there, fat and blood are bright.",
    ),
    "t1_shifted": FlagText(
        "T1 and T2 shifted",
        "The patient moved between T2 and T1; the shift was undone, or the exam isn't answered.",
        "Compare the two series; classify by a fat-suppressed series if the exam has one.",
        withholds_answer=True,
    ),
    "t1_unfit": FlagText(
        "T1 doesn't show the fat",
        "Fat couldn't be told from fluid by the T1: too little fat or muscle in view, or "
        "brightness that differs too much between the series.",
        "Read T2 and T1 side by side by eye.",
        withholds_answer=True,
    ),
    "t1_bright_collection": FlagText(
        "bright on T2 and T1",
        "A patch along the fascia is brighter than fat on T2 and bright on T1: blood some days "
        "old or protein-rich fluid looks like this.",
        "Judge that patch by eye; it isn't counted as edema.",
        withholds_answer=True,
    ),
    "contrast_given": FlagText(
        "contrast agent given",
        "A contrast agent was given before this series; enhancing tissue can look like edema, "
        "and STIR can suppress it.",
        "Compare with a series acquired before the contrast agent.",
    ),
    "irregular_spacing": FlagText(
        "slices unevenly spaced",
        "The distances between slices differ; a slice may be missing.",
        "Check that the export is complete; distances between slices are only approximate.",
    ),
    "oblique_slices": FlagText(
        "slices tilted from sagittal",
        "The slices are tilted away from the sagittal plane, so one slice may leave the midline.",
        "Check on the pictures that all three slices show the midline at every involved level.",
    ),
    "central_slices_geometric": FlagText(
        "central slices taken from the stack's middle",
        "No vertebra was found with confidence; the three slices are the middle of the stack.",
        "Check that the slices are midline slices of a spine.",
        withholds_answer=True,
    ),
    "scoliosis_suspected": FlagText(
        "spine leaves the central slices",
        "The vertebral bodies stray far to the side of the central slices.",
        "Read the slices beside the central three as well where the bodies leave them.",
    ),
    "levels_unverified": FlagText(
        "level names not verified",
        "No lumbosacral junction is in view and no anchor was given, so the names of the levels "
        "may be shifted.",
        "Check one level name and, if it is wrong, name a vertebra as the anchor.",
    ),
    "transitional_suspected": FlagText(
        "transitional vertebra suspected",
        "L5 can't be told from its neighbour for sure (a transitional vertebra, an unusual curve, "
        "or a sacrum cut off by the image's edge), so the names may be shifted by one level.",
        "Count from a whole-spine localizer or from the ribs.",
    ),
    "stations_joined": FlagText(
        "stations joined",
        "The spine was taken in several stations; the series that shows the sacrum was lengthened "
        "by the others.",
        "Look at the seam: the vertebrae and the fascia must go on without a step.",
    ),
    "station_unreadable": FlagText(
        "a station was left out",
        "The spine was taken in several stations, and another one can't be read together with "
        "this one; the result covers less than was scanned.",
        "Export the exam again, or read the other station by eye.",
    ),
    "vertebra_missed": FlagText(
        "a vertebra was not found",
        "Between two vertebrae found is room for another one, perhaps collapsed; it was counted "
        "but not seen.",
        "Check the names of the levels on the pictures.",
    ),
    "vertebrae_crowded": FlagText(
        "two vertebrae unusually near",
        "Two vertebrae found lie unusually near each other: one may be collapsed, or a broken one "
        "was found twice.",
        "Check on the pictures that each vertebra has one name; above one that has two, all names "
        "are one level too high.",
    ),
    "no_scored_level_in_view": FlagText(
        "no level T5–L5 in view",
        "None of the levels T5 to L5 is sufficiently in view.",
        "Choose a series of the thoracic or lumbar spine.",
        withholds_answer=True,
    ),
    "level_partly_in_view": FlagText(
        "level cut by the image edge",
        "Less than half of a level's territory is in view; whether it is involved is left open.",
        "Read that level on another series; it isn't counted here.",
    ),
    "fascia_not_found": FlagText(
        "fascia not traced",
        "The fascia could not be traced on at least one of the three slices.",
        "Look at the slices; without a line on any of them there is no answer.",
        withholds_answer=True,
    ),
    "fat_suppression_failed": FlagText(
        "fat suppression failed",
        "Subcutaneous fat is bright where it should be suppressed, so fat can't be told from "
        "edema; these levels aren't judged.",
        "Read these levels by eye, or classify by another fat-suppressed series.",
        withholds_answer=True,
    ),
    "fat_water_swap_suspected": FlagText(
        "fat/water swap suspected",
        "Parts of the Dixon water image seem to show fat; these levels aren't judged.",
        "Compare with the Dixon fat image, or classify by a STIR series.",
        withholds_answer=True,
    ),
    "reference_muscle_missing": FlagText(
        "too little muscle for the threshold",
        "Too little paraspinal muscle was found; the threshold rests on CSF and vertebral bodies.",
        "Check the edema's outline on the pictures with more than usual care.",
    ),
    "subcutaneous_edema": FlagText(
        "mostly subcutaneous edema",
        "More than half of the edema lies in the subcutaneous fat; dependent edema of people "
        "lying in bed looks like this, most of all at L3–L5.",
        "Judge by eye whether the fascia itself is involved; the levels are counted all the same.",
    ),
    "edema_reaches_image_edge": FlagText(
        "edema reaches the image edge",
        "The edema touches the edge of the image and may go on beyond it.",
        "Take length and number of levels as a lower bound.",
    ),
    "edema_beyond_skin_edge": FlagText(
        "edema marking touches the skin",
        "Marked edema reaches the skin, where coil flare and motion look alike.",
        "Check on the pictures that the marked area isn't skin or coil flare.",
    ),
    "spinous_extrapolated": FlagText(
        "T5–T11 by extrapolated processes",
        "Under the rule spinous, edema lies at levels T5 to T11, where the ends of the spinous "
        "processes rest on few measurements or on textbook anatomy.",
        "Count these levels by eye, or classify with the rule axial.",
    ),
    "extends_above_T11": FlagText(
        "edema extends above T11",
        "Edema also involves levels from T5 to T10, which belong to none of the location groups.",
        "Nothing, if the class of the other levels is what you need; the level list has them all.",
    ),
    "extends_below_L5": FlagText(
        "edema extends below L5",
        "Edema continues below the lower boundary of L5; that part isn't counted.",
        "Read the sacral part by eye.",
    ),
}


def flag(code: str, **details: object) -> Flag:
    """A flag with its meaning in words; `details` follow in parentheses.

    `flag("oblique_slices", degrees=17.34).text` ends in "(degrees: 17.3)". Details end up in
    pictures and pages: nothing that identifies a patient belongs there.

    Raises:
        KeyError: no such flag.
    """
    text = FLAGS[code].meaning
    told = [
        f"{name.replace('_', ' ')}: {_words(v)}" for name, v in details.items() if v is not None
    ]
    if told:
        text = f"{text.removesuffix('.')} ({', '.join(told)})."
    return Flag(code, text)


def markdown_table() -> str:
    """The table of `docs/flags.md`."""
    rows = [
        f"| `{code}` | {t.meaning} | {t.action} | {'yes' if t.withholds_answer else ''} |"
        for code, t in FLAGS.items()
    ]
    head = "| code | meaning | what to do | can withhold the answer |\n|---|---|---|---|"
    return "\n".join([head, *rows]) + "\n"


def _words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    if isinstance(value, (list, tuple)):
        return " ".join(_words(v) for v in value)
    return str(value)
