"""Calling out by lists: numbers come in, are called when and only when they may be, and what came of it is kept.

`rules` says who may be called when; `lists` and `importing` are for people, `calling` for the dialler, `dispositions`
for agents after a call, `do_not_call` for all.
"""
