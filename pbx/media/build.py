"""How the engine is compiled. Called by the build hook; imports the compiler's tools only when it is asked to work."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

MODULES = (  # each after those that it imports
    "mailbox",
    "datagram",
    "datagram_box",
    "srtp",
    "record_buffers",
    "resampling",
    "concealment",
    "comfort_noise",
    "speex_frames",
    "opus_flags",
    "sound_codecs",
    "tone_detector",
    "touch_tones",
    "jitter_buffer",
    "slot_clock",
    "players",
    "inlet",
    "voice_meter",
    "overhearing",
    "outlet",
    "rooms",
    "mixer",
    "engine",
)
# What Cython needs for typed arrays, in one module; otherwise it writes that megabyte of C into each of them.
SHARED = "pbx.media.typed_arrays"
DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,  # the types are in the .pxd files
    "boundscheck": True,  # a wrong index drops a packet and must not do worse
    "wraparound": False,
    "cdivision": False,
    "show_performance_hints": False,
}


def compile_engine(root: Path) -> bool:
    """Compile the media engine in place below `root`, the folder that holds `pbx`. False, with the reason printed, when
    this machine cannot: the engine then runs interpreted, for at most 100 calls."""
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if not header.exists():
        return _cannot(f"no {header}")
    try:
        from Cython.Build import cythonize
        from Cython.Compiler.Errors import CompileError as CythonError
        from setuptools import Distribution, Extension
        from setuptools.errors import BaseError, CCompilerError
    except ImportError as error:
        return _cannot(str(error))
    build = root / "build" / "media"
    sources = {f"pbx.media.{name}": f"{name}.py" for name in MODULES} | {SHARED: "typed_arrays.c"}
    extensions = [
        Extension(name, [str(root / "pbx" / "media" / source)], extra_compile_args=["-O3", "-g0"])
        for name, source in sources.items()
    ]
    processors = os.cpu_count() or 1
    try:
        modules = cythonize(  # type: ignore[no-untyped-call]  # Cython ships no types for it
            extensions,
            build_dir=str(build),
            compiler_directives=DIRECTIVES,
            include_path=[str(root)],
            shared_utility_qualified_name=SHARED,
            nthreads=processors,
            quiet=True,
        )
        command = Distribution({"name": "pbx-media", "ext_modules": modules}).get_command_obj("build_ext")
        command.parallel = processors
        command.build_temp = str(build)
        command.build_lib = str(root)
        command.ensure_finalized()
        command.run()
    except (CythonError, BaseError, CCompilerError, OSError) as error:
        return _cannot(str(error))
    return True


def _cannot(reason: str) -> bool:
    sys.stderr.write(f"media engine not compiled, it will run interpreted: {reason}\n")
    return False
