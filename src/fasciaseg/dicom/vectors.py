"""Three-vectors in plain Python: a header's worth of arithmetic is too small for numpy calls."""

from __future__ import annotations

from ..geometry import Vector


def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def upright_normal(column_axis: Vector, row_axis: Vector) -> Vector:
    """A slice's normal, turned towards left, back or head, whichever it is nearest to.

    Slices sorted along it run the same way, whichever way round the scanner stored them.
    """
    x, y, z = cross(column_axis, row_axis)
    return (x, y, z) if max((x, y, z), key=abs) > 0 else (-x, -y, -z)
