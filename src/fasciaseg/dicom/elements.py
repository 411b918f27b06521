"""DICOM's elements, one after the other, as bytes (PS3.5, 7.1).

pydicom makes an object of every element; a scan needs some forty of the hundreds that a scanner
writes. This walk steps over the others without looking at them. It reads what is written by the
book and answers anything else with `OddError`: pydicom then has the last word.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple, Protocol, TypeAlias

#: Value representation (b'' where the encoding names none) and value.
Raw: TypeAlias = tuple[bytes, bytes]

UNDEFINED_LENGTH = 0xFFFF_FFFF
#: Bytes read at once: most headers fit, up to the vendors' large private blocks.
WINDOW = 8192
#: A sequence of undefined length has to be in memory as a whole before its end is known.
_GROWTH = 4
_MAX_DEPTH = 20

_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_DIRECTORY = 0x0004_1220
_PIXEL_GROUP = 0x7FE0
#: What ends a header: the files of a DICOMDIR; float, double float and integer pixels.
_HEADER_ENDS = frozenset({_DIRECTORY, 0x7FE0_0008, 0x7FE0_0009, 0x7FE0_0010})
_ITEM_ENDS = frozenset({_ITEM_END})
#: Elements that change from slice to slice; stretches of familiar elements lie between them.
_CHANGING = frozenset(
    {0x0002_0000, 0x0002_0003}  # length of the meta header, SOP instance
    | {0x0008_0012, 0x0008_0013, 0x0008_0018}  # creation, SOP instance
    | {0x0008_0022, 0x0008_0023, 0x0008_002A, 0x0008_0032, 0x0008_0033}  # acquisition, content
    | {0x0020_0012, 0x0020_0013, 0x0020_0032, 0x0020_1041}  # numbers, position
    | {0x0028_0106, 0x0028_0107, 0x0028_1050, 0x0028_1051}  # range of values, window
)
#: Variants of a stretch that are remembered: series whose files alternate.
_VARIANTS = 8


class Readable(Protocol):
    """What bytes are read from."""

    def seek(self, offset: int, /) -> int:
        """Go to an offset."""

    def read(self, n_bytes: int, /) -> bytes:
        """So many bytes, or fewer at the end."""


class OddError(Exception):
    """Not written by the book, or cut short."""


class _ShortError(Exception):
    """The bytes end before the element does."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """How elements are written: with their value representation or without, and the byte order.

    Attributes:
        explicit: each element names its value representation.
        little: little endian.
        tagged, length, item: what elements, long lengths and items start with.
        group_mask: the bits of a key that are the tag's group.
        changing: keys of the elements that change from slice to slice.
    """

    explicit: bool
    little: bool
    tagged: struct.Struct
    length: struct.Struct
    item: struct.Struct
    group_mask: int
    changing: frozenset[int]

    @classmethod
    @cache
    def of(cls, *, explicit: bool, little: bool) -> Encoding:
        """The one encoding with these two properties."""
        order = "<" if little else ">"
        return cls(
            explicit=explicit,
            little=little,
            tagged=struct.Struct(order + ("I2sH" if explicit else "II")),
            length=struct.Struct(order + "I"),
            item=struct.Struct(order + "II"),
            group_mask=0xFFFF if little else 0xFFFF_0000,
            changing=frozenset(_key(tag, little=little) for tag in _CHANGING),
        )

    def key(self, tag: int) -> int:
        """A tag as `tagged` and `item` read it, in one piece."""
        return _key(tag, little=self.little)


def _key(tag: int, *, little: bool) -> int:
    """Little endian swaps the halves of a tag that is read in one piece."""
    return (tag & 0xFFFF) << 16 | tag >> 16 if little else tag


IMPLICIT = Encoding.of(explicit=False, little=True)
EXPLICIT = Encoding.of(explicit=True, little=True)
BIG_ENDIAN = Encoding.of(explicit=True, little=False)


class Pixels(NamedTuple):
    """The pixel data element.

    Attributes:
        start: offset of its value in the file, in bytes.
        n_bytes: its length, `UNDEFINED_LENGTH` for compressed pixels.
    """

    start: int
    n_bytes: int


def header(
    file: Readable,
    window: bytes,
    at: int,
    size: int,
    encoding: Encoding,
    tags: frozenset[int],
    found: dict[int, Raw],
    familiar: Familiar | None = None,
) -> Pixels | None:
    """Gather the wanted elements of a file, up to its pixels; what comes back is where those are.

    Args:
        file: where more bytes come from.
        window: the file's first bytes.
        at: offset of the first element.
        size: of the file.
        encoding: of all elements.
        tags: those wanted.
        found: gets the elements, as far as they are written by the book.
        familiar: what earlier files held, for files with the same encoding and tags.

    Raises:
        OddError: see the class.
    """
    start = 0
    while True:
        try:
            return _walk(window, at - start, start, size, encoding, tags, found, familiar)
        except _ShortError as short:
            at = short.args[0]
        if at >= size:
            if at == size:
                return None
            raise OddError
        # An element that one window can't hold is read again with a larger one.
        n_bytes = WINDOW if at > start else len(window) * _GROWTH
        file.seek(at)
        more = file.read(n_bytes)
        # A file may be shorter than its directory entry says.
        if not more or (at == start and len(more) <= len(window)):
            raise OddError
        window, start = more, at


def inside(
    item: bytes, encoding: Encoding, tags: frozenset[int], familiar: Familiar | None = None
) -> dict[int, Raw]:
    """The wanted elements of a sequence's item, or of any bytes that are whole elements.

    Raises:
        OddError: see the class.
    """
    found: dict[int, Raw] = {}
    try:
        _walk(item, 0, 0, len(item), encoding, tags, found, familiar)
    except _ShortError as short:
        if short.args[0] != len(item):
            raise OddError from short
    return found


def items(
    sequence: bytes, encoding: Encoding, tags: frozenset[int], familiar: Familiar | None = None
) -> Iterator[dict[int, Raw]]:
    """The wanted elements of each item of a sequence's value.

    Raises:
        OddError: see the class.
    """
    at, end = 0, len(sequence)
    while at < end:
        found: dict[int, Raw] = {}
        try:
            key, length = encoding.item.unpack_from(sequence, at)
            if key == encoding.key(_SEQUENCE_END):
                return
            if key != encoding.key(_ITEM):
                raise OddError
            at += 8
            if length == UNDEFINED_LENGTH:
                stop = _walk(sequence, at, 0, end, encoding, tags, found, familiar, _ITEM_ENDS)
                if stop is None:
                    raise OddError
                at = stop.start
            else:
                if at + length > end:
                    raise OddError
                found = inside(sequence[at : at + length], encoding, tags, familiar)
                at += length
        except (struct.error, _ShortError) as error:
            raise OddError from error
        yield found


@lru_cache(maxsize=256)
def _keys(encoding: Encoding, tags: frozenset[int]) -> dict[int, int]:
    """{key: tag}."""
    return {encoding.key(tag): tag for tag in tags}


def _walk(
    data: bytes,
    at: int,
    start: int,
    size: int,
    encoding: Encoding,
    tags: frozenset[int],
    found: dict[int, Raw],
    familiar: Familiar | None = None,
    ends: frozenset[int] = _HEADER_ENDS,
) -> Pixels | None:
    """Gather wanted elements until one of `ends`; what comes back is where its value is.

    Raises:
        _ShortError: with the offset in the file where the walk has to go on.
        OddError: see the class.
    """
    # One loop with few calls: it runs once per element of every file of an export.
    wanted, stops = _keys(encoding, tags), _keys(encoding, ends)
    if familiar is not None:
        familiar.drop()
    unpack, explicit = encoding.tagged.unpack_from, encoding.explicit
    last = len(data) - 8
    vr = b""
    group, changing, group_mask = -1, encoding.changing, encoding.group_mask
    highest = 0
    while at <= last:
        if explicit:
            key, vr, length = unpack(data, at)
        else:
            key, length = unpack(data, at)
        if key in stops and familiar is not None:
            familiar.end(data, at)
        elif familiar is not None and key & group_mask != group and key not in changing:
            number = key & 0xFFFF if encoding.little else key >> 16
            if familiar.ascending and not highest <= number <= _PIXEL_GROUP:
                raise OddError
            highest = number
            after = familiar.past(key, data, at, found)
            if after:
                at, group = after, -1
                continue
            group = key & group_mask
        elif key in changing and group != -1:
            if familiar is not None:
                familiar.end(data, at)
            group = -1
        value = at + 8
        if explicit and vr not in _SHORT:
            if vr not in _LONG:
                if key in stops:  # the end of an item has no value representation
                    return Pixels(start + value, 0)
                raise OddError
            if at + 12 > len(data):
                break
            (length,) = encoding.length.unpack_from(data, value)
            value = at + 12
        if key in stops:
            return None if stops[key] == _DIRECTORY else Pixels(start + value, length)
        after = value + length
        if length == UNDEFINED_LENGTH:
            try:
                seen = familiar.sequences if familiar is not None else None
                after = _after_sequence(data, value, vr, encoding, seen)
            except _ShortError:
                break
        if start + after > size:
            raise OddError
        if key in wanted:
            if after > len(data):
                break
            if wanted[key] in found:
                raise OddError  # twice in one data set: which one is meant?
            raw = found[wanted[key]] = vr, data[value:after]
            if familiar is not None and group != -1:
                familiar.elements[wanted[key]] = raw
        at = after
    if familiar is not None:
        if start + at == size:
            familiar.end(data, at)
        familiar.drop()
    raise _ShortError(start + at)


class Familiar:
    """Stretches of elements that have been seen before.

    The files of a series agree in most of their elements. Bytes that were whole elements once are
    the same elements wherever else an element starts, so a stretch is compared instead of read.
    """

    def __init__(self, *, ascending: bool = True) -> None:
        """Start without any; with `ascending`, groups out of order are odd."""
        self.ascending = ascending
        self.elements: dict[int, Raw] = {}
        self.sequences: dict[int, bytes] = {}
        self._known: dict[int, list[tuple[bytes, dict[int, Raw]]]] = {}
        self._first = self._at = 0

    def past(self, key: int, data: bytes, at: int, found: dict[int, Raw]) -> int:
        """The end of the stretch that starts here, its elements put to `found`.

        0 if it isn't known: then it is being read from now on, its wanted elements are to be put
        into `elements`, and `end` says where it ends.
        """
        if self._first:
            self.end(data, at)
        for stretch, elements in self._known.get(key, ()):
            if data.startswith(stretch, at):
                if not found.keys().isdisjoint(elements):
                    raise OddError
                found.update(elements)
                return at + len(stretch)
        self._first, self._at = key, at
        return 0

    def end(self, data: bytes, at: int) -> None:
        """The stretch that is being read ends here."""
        if self._first and self._at < at <= min(len(data), self._at + WINDOW):
            known = self._known.setdefault(self._first, [])
            known.insert(0, (data[self._at : at], self.elements))
            del known[_VARIANTS:]
        self.drop()

    def drop(self) -> None:
        """Forget the stretch that is being read."""
        if self._first:
            self._first, self.elements = 0, {}


def _after_sequence(
    data: bytes, at: int, vr: bytes, encoding: Encoding, seen: dict[int, bytes] | None
) -> int:
    """Where a value of undefined length ends."""
    if vr == b"UN":  # a sequence that somebody couldn't name keeps the encoding it came in
        return _after_items(data, at, IMPLICIT, 0)
    if encoding.explicit and vr != b"SQ":
        raise OddError
    return _after_items(data, at, encoding, 0, seen)


def _after_items(
    data: bytes, at: int, encoding: Encoding, depth: int, seen: dict[int, bytes] | None = None
) -> int:
    """Where a sequence of undefined length ends.

    Args:
        seen: the sequences inside, as they were last; most are the same in item after item.
    """
    if depth > _MAX_DEPTH:
        raise OddError
    seen = {} if seen is None else seen
    unpack, last = encoding.item.unpack_from, len(data) - 8
    item, sequence_end = encoding.key(_ITEM), encoding.key(_SEQUENCE_END)
    while at <= last:
        key, length = unpack(data, at)
        at += 8
        if key == sequence_end:
            return at
        if key != item:
            raise OddError
        if length == UNDEFINED_LENGTH:
            at = _after_item(data, at, encoding, depth, seen)
        else:
            at += length
    raise _ShortError


def _after_item(
    data: bytes, at: int, encoding: Encoding, depth: int, seen: dict[int, bytes]
) -> int:
    """Where an item of undefined length ends."""
    unpack, explicit = encoding.tagged.unpack_from, encoding.explicit
    item_end, last = encoding.key(_ITEM_END), len(data) - 8
    vr: bytes = b""
    while at <= last:
        if explicit:
            key, vr, length = unpack(data, at)
        else:
            key, length = unpack(data, at)
        if key == item_end:
            return at + 8
        value = at + 8
        if explicit and vr not in _SHORT:
            if vr not in _LONG:
                raise OddError
            if at + 12 > len(data):
                break
            (length,) = encoding.length.unpack_from(data, value)
            value = at + 12
        if length != UNDEFINED_LENGTH:
            at = value + length
            continue
        same = seen.get(key)
        if same is not None and data.startswith(same, at):
            at += len(same)
            continue
        inner = IMPLICIT if vr == b"UN" else encoding
        after = _after_items(data, value, inner, depth + 1, seen if inner is encoding else None)
        seen[key] = data[at:after]
        at = after
    raise _ShortError
