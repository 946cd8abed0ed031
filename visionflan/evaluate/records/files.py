"""Names of the files and directories of an evaluation."""

RECORDS = "records.parquet"
JOURNAL = "answers.jsonl"
JOURNALS = "answers*.jsonl"  # of several processes, each has its own
HEADER = "evaluation.json"
DOCUMENT_FREQUENCIES = "document_frequencies.parquet"
JUDGMENTS = "judgments.parquet"
SCORES = "scores.json"
# Every generated answer of a run by all that determines it.
RESPONSE_CACHE = "answers.sqlite"
# Where an evaluation is moved when its answers cannot be mixed with new ones.
PREVIOUS = "previous"
# Where the one that takes its place is made, in a directory by what it answers.
UNFINISHED = "unfinished"

# Directories of a run.
EVALUATION = "evaluation"
BENCHMARKS = "benchmarks"
CHECKPOINT = "checkpoint"
CONVERSATIONS = "conversations"  # a build: the conversations generated for the second stage
