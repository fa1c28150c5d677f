"""Columns handed to the engine without a copy: a minimal producer of the Arrow C stream interface.

The engine takes Python lists at about a microsecond and a half for each number, and holds the interpreter meanwhile;
`array` buffers handed over by address cost next to nothing. Only what the sample store needs: one batch of columns of
integers, doubles and lists of them, none of them null.

Source: Arrow C data interface and C stream interface (the ABI is frozen since Arrow 1.0).
"""

from __future__ import annotations

import ctypes as c
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FORMATS = {"i": b"i", "q": b"l", "d": b"g"}


class _Schema(c.Structure):
    pass


class _Array(c.Structure):
    pass


class _Stream(c.Structure):
    pass


_RELEASE_SCHEMA = c.CFUNCTYPE(None, c.POINTER(_Schema))
_RELEASE_ARRAY = c.CFUNCTYPE(None, c.POINTER(_Array))
_RELEASE_STREAM = c.CFUNCTYPE(None, c.POINTER(_Stream))
_GET_SCHEMA = c.CFUNCTYPE(c.c_int, c.POINTER(_Stream), c.POINTER(_Schema))
_GET_NEXT = c.CFUNCTYPE(c.c_int, c.POINTER(_Stream), c.POINTER(_Array))
_LAST_ERROR = c.CFUNCTYPE(c.c_void_p, c.POINTER(_Stream))

_Schema._fields_ = [
    ("format", c.c_char_p),
    ("name", c.c_char_p),
    ("metadata", c.c_char_p),
    ("flags", c.c_int64),
    ("n_children", c.c_int64),
    ("children", c.POINTER(c.POINTER(_Schema))),
    ("dictionary", c.c_void_p),
    ("release", c.c_void_p),
    ("private_data", c.c_void_p),
]
_Array._fields_ = [
    ("length", c.c_int64),
    ("null_count", c.c_int64),
    ("offset", c.c_int64),
    ("n_buffers", c.c_int64),
    ("n_children", c.c_int64),
    ("buffers", c.POINTER(c.c_void_p)),
    ("children", c.POINTER(c.POINTER(_Array))),
    ("dictionary", c.c_void_p),
    ("release", c.c_void_p),
    ("private_data", c.c_void_p),
]
_Stream._fields_ = [
    ("get_schema", _GET_SCHEMA),
    ("get_next", _GET_NEXT),
    ("get_last_error", _LAST_ERROR),
    ("release", c.c_void_p),
    ("private_data", c.c_void_p),
]

_capsule = c.pythonapi.PyCapsule_New
_capsule.restype = c.py_object
_capsule.argtypes = [c.c_void_p, c.c_char_p, c.c_void_p]
_END = 0


def _released(released: Any) -> None:
    """Nothing to free, Python does that; the other side only wants to see the mark."""
    released.contents.release = None


_release_schema, _release_array = _RELEASE_SCHEMA(_released), _RELEASE_ARRAY(_released)
_release_stream = _RELEASE_STREAM(_released)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `values` (`i`, `q` or `d`); with `offsets` ('q', one more than rows) a column of lists cut from `values`."""

    name: str
    values: array[int] | array[float]
    offsets: array[int] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.offsets is not None else len(self.values)


class Table:
    """Columns of the same length, readable once by the engine as a table. Must live until the statement has ended."""

    def __init__(self, columns: Sequence[Column]) -> None:
        if len({len(column) for column in columns}) != 1:
            raise ValueError("columns of different lengths")
        self._columns = columns
        self._kept: list[object] = []  # what C holds pointers into
        self._done = False
        self._stream = _Stream(
            _GET_SCHEMA(self._get_schema),
            _GET_NEXT(self._get_next),
            _LAST_ERROR(lambda _stream: None),
            c.cast(_release_stream, c.c_void_p),
            None,
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The stream as a capsule; a wish for another schema is not heard, as the interface allows."""
        self._done = False
        return _capsule(c.addressof(self._stream), b"arrow_array_stream", None)

    def _get_schema(self, _stream: c._Pointer[_Stream], out: c._Pointer[_Schema]) -> int:
        children = [self._schema_of(column) for column in self._columns]
        self._fill_schema(out.contents, b"+s", b"", children)
        return 0

    def _schema_of(self, column: Column) -> _Schema:
        code, schema, name = FORMATS[column.values.typecode], _Schema(), column.name.encode()
        if column.offsets is None:
            self._fill_schema(schema, code, name, [])
            return schema
        item = _Schema()
        self._fill_schema(item, code, b"item", [])
        self._fill_schema(schema, b"+L", name, [item])
        return schema

    def _fill_schema(self, schema: _Schema, form: bytes, name: bytes, children: Sequence[_Schema]) -> None:
        schema.format, schema.name, schema.metadata, schema.flags = form, name, None, 0
        schema.n_children, schema.children = len(children), self._pointers(_Schema, children)
        schema.dictionary, schema.private_data = None, None
        schema.release = c.cast(_release_schema, c.c_void_p)

    def _get_next(self, _stream: c._Pointer[_Stream], out: c._Pointer[_Array]) -> int:
        if self._done:
            out.contents.release = None
            return _END
        self._done = True
        self._fill_array(out.contents, len(self._columns[0]), [None], [self._array_of(x) for x in self._columns])
        return 0

    def _array_of(self, column: Column) -> _Array:
        found, values = _Array(), column.values.buffer_info()[0]
        if column.offsets is None:
            self._fill_array(found, len(column.values), [None, values], [])
            return found
        item = _Array()
        self._fill_array(item, len(column.values), [None, values], [])
        self._fill_array(found, len(column), [None, column.offsets.buffer_info()[0]], [item])
        return found

    def _fill_array(self, found: _Array, length: int, buffers: list[int | None], children: Sequence[_Array]) -> None:
        pointers = (c.c_void_p * len(buffers))(*buffers)
        self._kept.append(pointers)
        found.length, found.null_count, found.offset = length, 0, 0
        found.n_buffers, found.buffers = len(buffers), pointers
        found.n_children, found.children = len(children), self._pointers(_Array, children)
        found.dictionary, found.private_data = None, None
        found.release = c.cast(_release_array, c.c_void_p)

    def _pointers(self, kind: type[c.Structure], children: Sequence[c.Structure]) -> object:
        pointers = (c.POINTER(kind) * max(1, len(children)))(*(c.pointer(child) for child in children))
        self._kept.extend((pointers, *children))
        return pointers
