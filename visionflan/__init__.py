"""Build, tune on, evaluate and analyze visual instruction data made of academic datasets."""

__version__ = "0.1.0"
