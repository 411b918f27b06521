"""Where results go when nobody says where."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fasciaseg.errors import OutputNotWritable
from fasciaseg.pseudonym import exam_name, load_key


def default_output(study_instance_uid: str) -> Path:
    """`fasciaseg-out/HASH`, the same for the same exam and user.

    Raises:
        OutputNotWritable: the key that HASH is made with can't be kept.
    """
    return Path("fasciaseg-out", exam_name(study_instance_uid, load_key(config_folder() / "key")))


def config_folder() -> Path:
    """The user's folder for fasciaseg's settings; it may not exist yet.

    Raises:
        OutputNotWritable: the user has no home.
    """
    named = os.environ.get("APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME", "")
    # The XDG rules: a relative path there is to be ignored.
    if Path(named).is_absolute():
        return Path(named, "fasciaseg")
    try:
        home = Path.home()
    except RuntimeError as error:
        raise OutputNotWritable(
            "no_config_folder",
            "There is no home folder to keep the key in that names output folders.",
            "Name the output folder with --out.",
        ) from error
    return home / ".config" / "fasciaseg"
