"""What does a file hold, before anything is understood: a header and columns of words or numbers."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from coordinator import plainly
from coordinator.errors import Refusal
from coordinator.tabular import documents

LARGE = 4_000_000  # bytes from which Arrow's reader is worth its start


@dataclass(frozen=True)
class Column:
    """Words by code: entry i is ``words[codes[i]]``; each distinct word is understood once."""

    codes: npt.NDArray[np.int64]
    words: tuple[str, ...]

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Column":
        known: dict[str, int] = {}
        codes = [known.setdefault(entry, len(known)) for entry in entries]
        return cls(np.asarray(codes, dtype=np.int64), tuple(known))

    def __len__(self) -> int:
        return len(self.codes)

    def texts(self) -> list[str]:
        words = self.words
        return [words[code] for code in self.codes]


@dataclass(frozen=True)
class Numbers:
    """A column that came as numbers (Parquet); nan = missing."""

    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    def texts(self) -> list[str]:
        return ["" if np.isnan(value) else f"{value:.10g}" for value in self.values]


@dataclass(frozen=True)
class Stamps:
    """A column that came as times (Parquet), already 北京时间."""

    values: npt.NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.values)

    def texts(self) -> list[str]:
        return [str(value) for value in self.values.astype("datetime64[m]")]


@dataclass(frozen=True)
class Raw:
    """A file as columns; ``short`` and ``long`` count rows whose number of cells differs from the header's."""

    path: str
    columns: dict[str, Column | Numbers | Stamps]
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def load(path: str | Path) -> Raw:
    """The file's columns; Refusal names the file, what is wrong and how to mend it."""
    file = Path(path)
    if not file.is_file():
        raise Refusal(f"{path}:没有这个文件,请检查路径")
    try:
        raw = _parquet(file) if file.suffix == ".parquet" else _text(file, _content(file))
    except OSError as error:
        raise Refusal(f"{path}:读不了({plainly.of_system(error)}),请检查权限或文件是否完整") from error
    if not raw.rows:
        raise Refusal(f"{path}:只有表头或是空文件,没有任何数据行")
    return raw


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    if content[:4] == b"PAR1":
        raise Refusal(f"{file}:内容是 Parquet,请把文件名改为 .parquet")
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Refusal(f"{file}:压缩文件不完整({error}),请重新下载") from error
    if content[:2] == b"PK":
        raise Refusal(f"{file}:这是 xlsx 或 zip 文件,请另存为 csv")
    return content


def _text(file: Path, content: bytes) -> Raw:
    text, encoding = _decoded(file, content)
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return _rows(str(file), documents.of_json(file, text))
    if start == "<":
        return _rows(str(file), documents.of_xml(file, text))
    if len(content) >= LARGE and encoding in ("utf-8", "gb18030"):
        return _arrow_csv(file, text)
    return _csv(file, text)


def _decoded(file: Path, content: bytes) -> tuple[str, str]:
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise Refusal(f"{file}:既不是 UTF-8 也不是 GBK 文字,请另存为 UTF-8 的 csv")


def _delimiter(text: str) -> str:
    header = text.lstrip("\n\r").split("\n", 1)[0]
    return max(",\t;", key=header.count)


def _csv(file: Path, text: str) -> Raw:
    try:
        lines = [line for line in csv.reader(io.StringIO(text), delimiter=_delimiter(text)) if any(line)]
    except csv.Error as error:
        raise Refusal(f"{file}:不是合法的 csv({error}),请检查引号是否成对") from error
    if not lines:
        return Raw(str(file), {})
    header, body = _header(file, lines[0]), lines[1:]
    width = len(header)
    uneven = sum(len(line) != width for line in body)
    even = [line if len(line) == width else (line + [""] * width)[:width] for line in body]
    columns = {name: Column.of(line[place] for line in even) for place, name in enumerate(header)}
    return Raw(str(file), dict(columns), {"行的列数与表头不符": uneven} if uneven else {})


def _header(file: Path, names: Sequence[str]) -> list[str]:
    header = [name.strip().lstrip("\ufeff") for name in names]
    twice = {name for name in header if name and header.count(name) > 1}
    if twice:
        raise Refusal(f"{file}:表头中“{'、'.join(sorted(twice))}”出现不止一次,请只留一列")
    return [name or f"列{place}" for place, name in enumerate(header, start=1)]


def _arrow_csv(file: Path, text: str) -> Raw:
    import pyarrow as pa  # half a second to load: only for files large enough to earn it back
    from pyarrow import csv as arrow

    uneven = 0

    def skip(_: Any) -> str:
        nonlocal uneven
        uneven += 1
        return "skip"

    delimiter = _delimiter(text)
    first = next(csv.reader(io.StringIO(text.split("\n", 1)[0]), delimiter=delimiter))
    header = _header(file, first)
    words = pa.dictionary(pa.int32(), pa.string())
    try:
        table = arrow.read_csv(
            pa.py_buffer(text.encode()),
            read_options=arrow.ReadOptions(column_names=header, skip_rows=1),
            parse_options=arrow.ParseOptions(delimiter=delimiter, invalid_row_handler=skip, newlines_in_values=True),
            convert_options=arrow.ConvertOptions(column_types=dict.fromkeys(header, words), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise Refusal(f"{file}:不是合法的 csv({str(error)[:80]}),请检查引号是否成对") from error
    columns = {name: _dictionary(table.column(name)) for name in header}
    return Raw(str(file), dict(columns), {"行的列数与表头不符,整行未读": uneven} if uneven else {})


def _dictionary(chunked: Any) -> Column:
    array = chunked.unify_dictionaries().combine_chunks()
    if hasattr(array, "num_chunks"):
        array = array.chunk(0)
    words = [word or "" for word in array.dictionary.to_pylist()]
    codes = array.indices.fill_null(len(words)).to_numpy(zero_copy_only=False).astype(np.int64)
    return Column(codes, (*words, ""))


def _parquet(file: Path) -> Raw:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(file)
    except pa.ArrowInvalid as error:
        raise Refusal(f"{file}:不是完整的 Parquet 文件({str(error)[:80]}),请重新生成或下载") from error
    names = [name for name in table.column_names if not name.startswith("__index")]
    _header(file, names)
    return Raw(str(file), {name: _arrow_column(table.column(name), pa) for name in names})


def _arrow_column(chunked: Any, pa: Any) -> Column | Numbers | Stamps:
    kind = chunked.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        if getattr(kind, "tz", None):
            utc = chunked.cast(pa.timestamp("s", tz="UTC")).cast(pa.timestamp("s"))
            return Stamps(utc.to_numpy().astype("datetime64[s]") + np.timedelta64(8, "h"))
        return Stamps(chunked.cast(pa.timestamp("us")).to_numpy().astype("datetime64[s]"))
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        values = chunked.cast(pa.float64()).to_numpy()
        return Numbers(np.round(values, 4) if kind == pa.float32() else np.asarray(values, dtype=np.float64))
    if pa.types.is_dictionary(kind):
        return _dictionary(chunked.cast(pa.dictionary(pa.int32(), pa.string())))
    return _dictionary(chunked.cast(pa.string()).dictionary_encode())


def _rows(path: str, rows: list[dict[str, Any]]) -> Raw:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {
        name: Column.of("" if row.get(name) is None else str(row[name]) for row in rows)
        for name in names
        if not any(isinstance(row.get(name), dict | list) for row in rows)
    }
    return Raw(path, dict(columns))
