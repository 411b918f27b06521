"""Where things are: vertebrae, central slices, the fascia line and coordinates along it."""
