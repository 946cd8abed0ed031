"""Train a vision-language model in stages, with one trainer for all of them."""
