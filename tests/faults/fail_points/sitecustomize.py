"""Python runs this first in every process that has this folder on its path: a service under test, and its children."""

import os
import sys

if "FAIL_POINTS" in os.environ and sys.orig_argv[1:] == ["-P", "-m", "populer.service.child_process"]:
    import fail_points

    from jobs import scheduler

    fail_points.set_up(os.environ["FAIL_POINTS"])
    scheduler.SEAL_EVERY_S = 1.0  # where buckets are sealed at all, let it be in the way of what happens
elif "FAIL_POINTS" in os.environ and sys.orig_argv[1:4] == ["-m", "populer", "serve"]:
    from populer.service import child

    child.SETTLED_S = 0.1  # a worker that was killed twice in a row is no reason to wait
