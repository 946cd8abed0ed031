"""Clients of language models, with retries, a budget and a cache of replies."""
