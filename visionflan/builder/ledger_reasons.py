"""The reason codes of the ledger and what each means.

Dataset files add their own: reasons such as `malformed_record` for rows they drop, and notes such
as `trimmed_blanks` for what they fixed in the text of a release.
"""

DROPPED: dict[str, str] = {
    "malformed_record": "a field of the row is missing or of another type, or its line is cut",
    "malformed_json": "a line or a record of the release is not valid JSON",
    "invalid_utf8": "the text contains a lone surrogate, which cannot be encoded as UTF-8",
    "invalid_key": "the reader gives the row no key, or one that is not a string",
    "task_error": "the task's function raised an exception: the row is incomplete or unusual",
    "empty_target": "the target is empty",
    "repeated_option": "two options are equal",
    "target_not_in_options": "the target is not one of the options",
    "too_many_options": "there are more options than letters",
    "image_token_in_text": "the text contains `<image>`, which would count as an image",
    "no_image": "the row has no image",
    "image_outside_root": "the path of the image leads outside the data root",
    "image_missing": "the image is not where the release says",
    "image_unreadable": "the image exists but cannot be read from its file or archive",
    "image_empty": "the image file is empty",
    "image_is_html": "the file is a web page, as a failed download leaves it",
    "image_unsupported": "the format or the values of the image are not defined for training tools",
    "image_unrecognized": "the file is not an image of any known format",
    "image_corrupt": "the image does not decode completely: truncated or corrupted",
    "image_too_large": "the image has more pixels or bytes than the limit",
    "image_too_thin": "the image is more than 200 times as long as it is wide, or the reverse",
    "image_crashed_decoder": "decoding the image killed its process or exceeded the time limit",
    "image_changed": "the image changed during the build",
    "unknown_split": "the official split of the row is not train, validation or test",
    "repeated_key": "another row of the task has the same key",
    "duplicate": "an earlier row of the task asks the same question about the same images",
    "malformed_conversation": "the turns do not alternate, or a value has another type",
    "image_token_mismatch": "the number of `<image>` differs from the number of images",
    "sensitive_task": "the task asks about a person and `--include-sensitive` was not set",
    "unsupported_media": "the row has a video or another medium that is not an image",
}

NOTES: dict[str, str] = {
    "orientation_applied": "the image is stored upright, as its EXIF orientation says",
    "alpha_flattened": "the transparent pixels of the image are stored as drawn over white",
    "depth_scaled": "the gray values of the image, of more than 8 bits, are stored as 8 bits",
    "first_frame_only": "only the first frame or page of the image is stored",
    "system_prompt": "the system prompt became the instruction of the first turn",
    "suffix_differs": "the suffix of the file name is wrong; the format is that of the content",
}
