"""From files to slices: `scan` → `series` → `choice` → `volume`.

`series.find_study` reads the headers under a path and groups them into series, `choice.choose`
says which of them to read, and `volume.Stack` gives their slices, turned as a reader sees them.
"""
