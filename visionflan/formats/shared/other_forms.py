"""Recognize what a release is that is not in the format asked for, so that an error can say it."""

import re
from pathlib import Path
from typing import Any

HEAD = 512  # bytes
TAR_MAGIC, TAR_OFFSET = b"ustar", 257
ARCHIVES = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive", b"7z": "a 7z archive"}
LIST_MEMBER = re.compile(r'"((?:[^"\\]|\\.)+)"\s*:\s*\[\s*\{')
LISTED_FILE = re.compile(r'"(?:file_name|hf_hub_url|ms_hub_url|script_url)"\s*:')
YAML_FILES = re.compile(r"^\s*(?:-\s*)?json_path\s*:", re.MULTILINE)

MESSAGES = (
    "chat messages (`messages`, as for TRL, ms-swift and LLaMA-Factory): convert each to an object "
    "with `image` and `conversations`"
)
DATASET_LIST = "a list of data sets for LLaMA-Factory: pass the path of one of the files it names"


def describe_file(path: Path) -> str | None:
    """Return what a file is that holds no JSON records, and what to do; None if it may be JSON."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PAR1"):
        return describe_parquet(path)
    if head[TAR_OFFSET:].startswith(TAR_MAGIC):
        return "a tar archive (as WebDataset's shards): unpack it, and write its records as JSON"
    for magic, name in ARCHIVES.items():
        if head.startswith(magic) and path.suffix != ".gz":
            return f"{name}: unpack it"
    if path.suffix in {".yaml", ".yml"}:
        return describe_yaml(path)
    return None


def describe_parquet(path: Path) -> str:
    """Return which columns a Parquet file has, and what to do."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.read_schema(path).names
    except pa.ArrowException:
        return "a truncated Parquet file: download it again"
    names = ", ".join(f"`{name}`" for name in columns[:4])
    owners = " (as in the Cauldron and FineVision)" if "texts" in columns else ""
    return (
        f"Parquet with the columns {names}{owners}: convert its rows to `messages` and `images` "
        "for --format huggingface, or to JSON"
    )


def describe_yaml(path: Path) -> str:
    """Return what a YAML file is, and what to do."""
    if YAML_FILES.search(path.read_text(encoding="utf-8", errors="replace")):
        return "a list of JSON files (as for LLaVA-OneVision): import each `json_path` by itself"
    return "YAML: pass the path of a JSON file"


def describe_object(start: str) -> str:
    """Return what a file is that begins as one JSON object of several lines, and what to do."""
    if LISTED_FILE.search(start):
        return DATASET_LIST
    if member := LIST_MEMBER.search(start):
        return f"one JSON object with its list under `{member[1]}`: write that list alone to a file"
    return "one JSON object over several lines: write its records as a JSON list, or one a line"


def describe_record(record: dict[str, Any]) -> str | None:
    """Return what a file is whose first record this is; None if it has a conversation."""
    if "conversations" in record:
        return None
    if "messages" in record:
        return MESSAGES
    for name, value in record.items():
        if isinstance(value, dict) and value.keys() & {"file_name", "hf_hub_url", "script_url"}:
            return DATASET_LIST
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return f"an object with its list under `{name}`: write that list alone to a file"
    return None
