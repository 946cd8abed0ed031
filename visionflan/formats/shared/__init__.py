"""What several formats share: conversations, files of records, and directories of images."""
