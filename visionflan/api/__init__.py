"""The functions behind the commands, for use from Python: one per verb, each with an example.

The examples build on one another: later ones use the directories that earlier ones wrote. Import
the names from `visionflan` itself, which loads a module only when a name of it is first used.
"""
