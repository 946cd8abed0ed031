"""Pretrain a tiny vision tower and a tiny language model from scratch, on a build's own instances.

They replace CLIP and Vicuna where nothing can be downloaded, and are saved as ordinary
`transformers` directories, so that all later steps are the same as with the real ones.
"""

PARTS = ("vision_tower", "language_model")  # the directories that pretraining writes
