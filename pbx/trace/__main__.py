"""`python -m pbx.trace`: see `writer`."""

import sys

from pbx.trace.writer import main

if __name__ == "__main__":
    main(sys.argv[1:])
