"""Image files of more parts than any encoder writes."""

import struct
import zlib


def many_scans(jpeg: bytes, number: int) -> bytes:
    """Return a JPEG whose last scan is repeated."""
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * number + jpeg[-2:]


def many_exif_blocks(jpeg: bytes, number: int) -> bytes:
    """Return a JPEG with empty blocks of EXIF data."""
    return jpeg[:2] + b"\xff\xe1\x00\x08Exif\0\0" * number + jpeg[2:]


def many_chunks(png: bytes, number: int) -> bytes:
    """Return a PNG with as many empty chunks of a private kind behind its header."""
    kind = b"vfLn"
    chunk = bytes(4) + kind + struct.pack(">I", zlib.crc32(kind))
    return png[:33] + chunk * number + png[33:]


def many_strips(number: int) -> bytes:
    """Return a TIFF of one column, of which each strip is a row; more than it has."""
    size = {256: 1, 257: 100, 258: 8, 259: 1, 262: 1, 277: 1, 278: 1}
    entries = [(tag, 4, 1, value) for tag, value in size.items()]
    entries += [(273, 4, number, 122), (279, 4, number, 122 + 4 * number)]
    packed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    return head + packed + bytes(4) + struct.pack("<I", 1) * 2 * number
