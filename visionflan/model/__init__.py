"""The model: a vision tower, a connector and a language model, and the words it is spoken to in."""
