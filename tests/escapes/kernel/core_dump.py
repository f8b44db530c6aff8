# tries: a core dump of its memory, left in the file system
# layer: kernel
import os
import resource
import signal


def run(ctx, params):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
        return "ESCAPED: core dumps have no limit"
    except (OSError, ValueError):
        os.kill(os.getpid(), signal.SIGQUIT)
    return "held: no signal either"
