"""How results look: rounding, tables in four formats, figures."""
