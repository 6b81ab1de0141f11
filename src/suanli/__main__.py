"""``python -m suanli``."""

import sys

from suanli.cli.main import main

sys.exit(main())
