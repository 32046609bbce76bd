"""The signalling trace of each call: what was sent and received, and what the pure machines made of it.

`tap` notes it while the call lives; `mask` takes out what nobody may keep; `file` is the shape on disk; `writer` is
the process that writes; `replay` feeds a trace to the machines again; `ladder` shows it.
"""
