"""Compare the columns of two tables row by row, in Arrow."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.storage.schema import INSTANCES

Mask = NDArray[np.bool_]

IDENTITY = ("id", "dataset", "task", "key")  # equal in rows with equal ids
COMPARED = tuple(name for name in INSTANCES.names if name not in IDENTITY)
OPTIONS_ORDER = "options order"  # the same options in another order
IMAGE_POSITION = "image position"  # the same turns with `<image>` at another end
PART_OF = {OPTIONS_ORDER: "options", IMAGE_POSITION: "turns"}
FIELDS = (*COMPARED, *PART_OF)
MARKER_AT_AN_END = r"^(?:<image>\n)+|(?:\n<image>)+$"


def differing_fields(rows_a: pa.RecordBatch, rows_b: pa.RecordBatch) -> dict[str, Mask]:
    """Return, for each of `FIELDS`, in which rows of two batches of equal length it differs.

    What differs in the order of options or in the position of the image alone does not count as a
    difference of `options` or `turns`.
    """
    masks = {name: differing_rows(rows_a[name], rows_b[name]) for name in COMPARED}
    for name, normalize in ((OPTIONS_ORDER, sorted_elements), (IMAGE_POSITION, unmarked_turns)):
        column = PART_OF[name]
        rows = np.flatnonzero(masks[column])
        values_a, values_b = (normalize(side[column].take(rows)) for side in (rows_a, rows_b))
        masks[name] = np.zeros(len(rows_a), dtype=bool)
        masks[name][rows[~differing_rows(values_a, values_b)]] = True
        masks[column] &= ~masks[name]
    return masks


def differing_rows(values_a: pa.Array, values_b: pa.Array) -> Mask:
    """Return in which rows two arrays of equal type and length differ; none may have nulls."""
    if pa.types.is_struct(values_a.type):
        pairs = zip(values_a.flatten(), values_b.flatten(), strict=True)
        masks = [differing_rows(field_a, field_b) for field_a, field_b in pairs]
        merged: Mask = np.any(masks, axis=0, keepdims=False)
        return merged
    if pa.types.is_list(values_a.type):
        return differing_lists(values_a, values_b)
    differs: Mask = pc.not_equal(values_a, values_b).to_numpy(zero_copy_only=False)
    return differs


def differing_lists(lists_a: pa.ListArray, lists_b: pa.ListArray) -> Mask:
    """Return in which rows two arrays of lists differ, in length or in an element."""
    lengths = (pc.list_value_length(lists).to_numpy() for lists in (lists_a, lists_b))
    differs: Mask = np.array(np.not_equal(*lengths))
    aligned = np.flatnonzero(~differs)
    elements_a, elements_b = lists_a.take(aligned), lists_b.take(aligned)
    unequal = differing_rows(elements_a.flatten(), elements_b.flatten())
    differs[aligned[pc.list_parent_indices(elements_a).to_numpy()[unequal]]] = True
    return differs


def sorted_elements(lists: pa.ListArray) -> pa.ListArray:
    """Return lists of text with the elements of each sorted."""
    table = pa.table([pc.list_parent_indices(lists), lists.flatten()], names=["row", "element"])
    ordered = table.sort_by([("row", "ascending"), ("element", "ascending")])
    elements = ordered["element"].combine_chunks()
    return pa.ListArray.from_arrays(list_offsets(lists), elements)


def list_offsets(lists: pa.ListArray) -> pa.Array:
    """Return where the elements of each list begin and end, counted from 0."""
    lengths = pc.list_value_length(lists).to_numpy()
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())


def unmarked_turns(turns: pa.ListArray) -> pa.ListArray:
    """Return conversations without the image markers at the ends of their turns."""
    elements = turns.flatten()
    texts = pc.replace_substring_regex(elements.field("text"), MARKER_AT_AN_END, "")
    fields = pa.StructArray.from_arrays([elements.field("role"), texts], names=["role", "text"])
    return pa.ListArray.from_arrays(list_offsets(turns), fields)
