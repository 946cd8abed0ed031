"""The reason codes of the ledger, each with what it means; dataset files add their own.

A dataset file loses rows for reasons such as `malformed_record`, and names in notes what it mended
in the words of its release, such as `trimmed_blanks`.
"""

DROPPED: dict[str, str] = {
    "malformed_json": "a line or a record of the release is not JSON",
    "invalid_utf8": "the words hold half a character, which cannot be written as UTF-8",
    "task_error": "the task could not be made of the row, which lacks something or is odd",
    "empty_target": "the answer holds no words",
    "repeated_option": "two options are the same",
    "target_not_in_options": "the answer is not among the options",
    "too_many_options": "there are more options than letters",
    "image_token_in_text": "`<image>` stands in the words, where it would count as a picture",
    "no_image": "the row shows no picture",
    "image_outside_root": "the path of the picture climbs out of the data root",
    "image_missing": "the picture is not where the release says",
    "image_unreadable": "the picture is there and cannot be read out of its file or archive",
    "image_empty": "the file of the picture holds no bytes",
    "image_is_html": "the file is a web page, as failed downloads leave it",
    "image_unsupported": "the picture is of a form that training tools do not read",
    "image_unrecognized": "the file is no picture that we know",
    "image_corrupt": "the picture does not decode whole: it was cut, or bytes of it were changed",
    "image_too_large": "the picture has more pixels by its header, or more bytes, than we decode",
    "image_crashed_decoder": "decoding the picture killed its process or did not end",
    "image_changed": "the picture was changed while the build ran",
    "repeated_key": "another row of the task has the same key",
    "duplicate": "the task asks the same of the same picture in a row that ranks before it",
    "malformed_conversation": "the turns are not a person and a model by turns",
    "image_token_mismatch": "there are not as many `<image>` as pictures",
    "unsupported_media": "the row shows a video or another thing that is no picture",
}

NOTES: dict[str, str] = {
    "suffix_differs": "the picture is of another form than its name says; it was read by content",
}
