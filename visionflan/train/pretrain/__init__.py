"""Make a tiny vision tower and a tiny language model from nothing, out of a build's own instances.

They stand in for CLIP and Vicuna where nothing can be downloaded, and are saved as ordinary
`transformers` folders, so that all that follows is the same as with the real ones.
"""
