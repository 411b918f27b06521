"""The tables of the published study, as printed.

BMC Musculoskelet Disord 2023;24:166, doi 10.1186/s12891-023-06280-6, Tables 1 to 4.
"""

from __future__ import annotations

WITH, WITHOUT, NON_SEVERE, SEVERE = 62, 161, 39, 23

#: Question: counts of the first group, of the second, printed P.
COUNTS = {
    "Table 1, fracture location": ((2, 46, 14), (15, 128, 18), "0.04"),
    "Table 1, severity of fracture": ((30, 24, 4, 4), (92, 57, 12, 0), "0.01"),
    "Table 1, severity of trauma": ((14, 43, 5), (107, 46, 8), "<0.001"),
    "Table 1, female": ((53, 9), (132, 29), "0.53"),
    "Table 1, glucocorticoids": ((4, 58), (8, 153), "0.91"),
    "Table 1, smoking": ((4, 58), (13, 148), "0.68"),
    "Table 1, alcohol": ((3, 59), (8, 153), "1.00"),
    "Table 2, female": ((35, 4), (18, 5), "0.39"),
    "Table 2, glucocorticoids": ((3, 36), (1, 22), "1.00"),
    "Table 2, smoking": ((2, 37), (2, 21), "0.99"),
    "Table 2, alcohol": ((1, 38), (2, 21), "0.64"),  # printed as 2/21; the group has 23
    "Table 2, fracture location": ((1, 30, 8), (1, 16, 6), "0.80"),
    "Table 2, severity of fracture": ((16, 16, 3, 4), (14, 8, 1, 0), "0.27"),
    "Table 2, severity of trauma": ((12, 26, 1), (2, 17, 4), "0.03"),
}

#: Question: mean and SD of the first group, of the second, printed P.
MEANS_1 = {
    "age": ((71.32, 8.73), (69.98, 8.18), "0.28"),
    "BMI": ((24.83, 3.43), (25.35, 2.91), "0.29"),
    "BMD": ((-3.09, 0.34), (-3.01, 0.36), "0.12"),
    "fracture age": ((10.82, 4.23), (9.77, 3.67), "0.08"),
}
MEANS_2 = {
    "age": ((70.87, 8.54), (72.09, 9.19), "0.60"),
    "BMI": ((24.82, 3.50), (24.84, 3.40), "0.99"),
    "BMD": ((-3.06, 0.35), (-3.16, 0.33), "0.27"),
    "fracture age": ((10.85, 4.34), (9.26, 3.52), "0.14"),
}
MEANS_3 = {
    "VAS before": ((7.63, 0.61), (7.70, 0.63), "0.48"),
    "VAS 3 days": ((3.71, 0.76), (2.97, 0.66), "<0.01"),
    "VAS 1 month": ((3.48, 0.65), (2.83, 0.58), "<0.01"),
    "VAS 3 months": ((2.16, 0.55), (2.14, 0.52), "0.82"),
    "VAS last": ((2.11, 0.55), (2.11, 0.52), "0.99"),
    "ODI before": ((70.94, 2.80), (71.00, 3.02), "0.88"),
    "ODI 3 days": ((38.89, 7.19), (28.61, 7.35), "<0.001"),
    "ODI 1 month": ((36.79, 7.38), (28.67, 6.95), "<0.001"),
    "ODI 3 months": ((20.47, 4.34), (21.24, 4.75), "0.27"),
    "ODI last": ((20.50, 4.09), (20.68, 4.47), "0.78"),
}
MEANS_4 = {
    "VAS before": ((7.62, 0.59), (7.65, 0.65), "0.82"),
    "VAS 3 days": ((3.49, 0.60), (4.09, 0.85), "0.002"),
    "VAS 1 month": ((3.28, 0.51), (3.83, 0.72), "0.001"),
    "VAS 3 months": ((2.15, 0.54), (2.17, 0.58), "0.89"),
    "VAS last": ((2.13, 0.47), (2.09, 0.67), "0.78"),
    "ODI before": ((70.46, 2.65), (71.74, 2.91), "0.08"),
    "ODI 3 days": ((36.87, 4.51), (42.30, 9.41), "0.015"),
    "ODI 1 month": ((34.51, 5.82), (40.65, 8.24), "0.001"),
    "ODI 3 months": ((20.00, 4.29), (21.26, 4.39), "0.27"),
    "ODI last": ((20.08, 4.31), (21.22, 3.68), "0.29"),
}
MEANS = {
    f"Table {number}, {name}": (*row, sizes)
    for number, rows, sizes in (
        (1, MEANS_1, (WITH, WITHOUT)),
        (2, MEANS_2, (NON_SEVERE, SEVERE)),
        (3, MEANS_3, (WITH, WITHOUT)),
        (4, MEANS_4, (NON_SEVERE, SEVERE)),
    )
    for name, row in rows.items()
}
